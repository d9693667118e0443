package web

import (
	"net/http"
	"strings"
	"testing"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/signed"
)

func TestSwitchReader(t *testing.T) {
	s := newTestShop(t, fewBooks())
	own := s.own()

	answer := s.switchTo("7", "/categories/classics?page=2").want(t, http.StatusSeeOther)
	if got := answer.Header.Get("Location"); got != "/categories/classics?page=2" {
		t.Errorf("leads to %q", got)
	}
	s.get("/").want(t, 200, "You see the shop as <strong>Synthetic reader 7: fantasy</strong>",
		`<button name="reader" value="7" aria-current="true">`).without(t, `value="self" aria-current`)
	if id, _, _ := s.recommender.asked(); id != 7 {
		t.Errorf("the shelf is that of reader %d, want 7", id)
	}

	s.switchTo("self", "/").want(t, http.StatusSeeOther)
	s.get("/").want(t, 200, `value="self" aria-current="true"`).without(t, "You see the shop as")
	if id, _, _ := s.recommender.asked(); id != own {
		t.Errorf("after coming back the reader is %d, was %d", id, own)
	}
}

func TestSwitchReaderRefuses(t *testing.T) {
	s := newTestShop(t, fewBooks())
	for _, reader := range []string{"", "1", "42", "-7", "x", "7x", "99999999999999999999", "2000000001", "\x00", "\xff"} {
		s.switchTo(reader, "/").want(t, 400, "<strong>reader</strong> must be the id of a sample reader")
		s.get("/")
		if id, _, _ := s.recommender.asked(); id < signed.FirstVisitor {
			t.Errorf("%q makes the visitor reader %d", reader, id)
		}
	}
	const form = "application/x-www-form-urlencoded"
	s.do("POST", "/reader", "reader=%zz", "Content-Type", form).want(t, 400, "The form could not be read.")
	s.do("POST", "/reader", "reader=7", "Content-Type", "x; y z").want(t, 400)
	s.do("POST", "/reader", "reader=7").want(t, 400) // no form at all
	s.do("POST", "/reader?reader=7", "", "Content-Type", form).want(t, 400)
	s.do("POST", "/reader", "reader="+strings.Repeat("7", maxBody), "Content-Type", form).want(t, 413, "The request is too large: at most 8 kB")
	s.do("POST", "/reader", "reader=7", "Content-Type", form, "Sec-Fetch-Site", "cross-site").want(t, 403, "sent by a page of another site")
	s.do("POST", "/reader", "reader=7", "Content-Type", form, "Origin", "https://evil.test").want(t, 403)
	s.own()
	s.do("POST", "/reader", "reader=7", "Content-Type", form, "Origin", s.url).want(t, 303)
}

// A visitor acting as a sample reader that the next catalogue does not have is
// themselves again.
func TestSampleReaderGoes(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.own()
	s.switchTo("7", "/")
	contents := fewBooks()
	contents.Samples = nil
	if err := s.recommender.books.Replace(contents); err != nil {
		t.Fatal(err)
	}
	s.get("/").want(t, 200).without(t, "Reading as", "/reader")
	if id, _, _ := s.recommender.asked(); id < signed.FirstVisitor {
		t.Errorf("the shelf is that of reader %d", id)
	}
}

// Without sample readers, there is no form to switch.
func TestNoSamples(t *testing.T) {
	s := newTestShop(t, catalog.Contents{Books: fewBooks().Books})
	s.get("/").want(t, 200, "For you").without(t, "Reading as", "sample reader")
}
