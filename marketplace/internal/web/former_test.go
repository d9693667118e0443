package web

import (
	"bytes"
	"crypto/hmac"
	crand "crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/signed"
)

// formerShop is a shop of the version before, as far as cookies go: it makes a visitor
// known at the first page, and refuses the form of one without a cookie.
type formerShop struct{ recommender *fakeRecommender }

func (f formerShop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, known := f.read(r)
	if !known {
		id = signed.Identity{Own: 2_000_000_000 + rand.Int64N(147_483_648)}
		f.write(w, id)
	}
	shown := id.Own
	if id.Acting != 0 {
		shown = id.Acting
	}
	switch r.URL.Path {
	case "/reader":
		id.Acting, _ = strconv.ParseInt(r.PostFormValue("reader"), 10, 64) // 0 for self
		f.write(w, id)
	case "/interactions":
		if !known || id.Acting != 0 {
			http.Error(w, "no cookie, or a sample reader", http.StatusForbidden)
			return
		}
		book, _ := strconv.ParseInt(r.PostFormValue("book"), 10, 64)
		_, _ = f.recommender.Record(r.Context(), recommend.Interaction{ID: crand.Text(), UserID: id.Own, BookID: book, Kind: recommend.Like})
	case "/your-books/forget":
		_, _ = f.recommender.Forget(r.Context(), id.Own, 0)
		http.SetCookie(w, &http.Cookie{Name: "reader", Path: "/", MaxAge: -1})
	default:
		f.recommender.Shelf(r.Context(), recommend.Query{UserID: shown})
		return
	}
	w.Header().Set("Location", "/")
	w.WriteHeader(http.StatusSeeOther)
}

func (f formerShop) read(r *http.Request) (id signed.Identity, known bool) {
	for _, cookie := range r.CookiesNamed("reader") {
		cut := strings.LastIndexByte(cookie.Value, '.')
		if cut < 0 || cookie.Value[cut+1:] != f.sign(cookie.Value[:cut]) {
			continue
		}
		if n, err := fmt.Sscanf(cookie.Value[:cut], "v1.%d.%d", &id.Own, &id.Acting); n == 2 && err == nil && id.Own >= 2_000_000_000 && id.Own <= 2_147_483_647 {
			return id, true
		}
	}
	return signed.Identity{}, false
}

func (f formerShop) write(w http.ResponseWriter, id signed.Identity) {
	body := fmt.Sprintf("v1.%d.%d", id.Own, id.Acting)
	http.SetCookie(w, &http.Cookie{Name: "reader", Value: body + "." + f.sign(body), Path: "/", MaxAge: 34_560_000})
}

func (formerShop) sign(body string) string {
	sum := func(key []byte, text string) []byte {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(text))
		return m.Sum(nil)
	}
	return base64.RawURLEncoding.EncodeToString(sum(sum(bytes.Repeat([]byte{7}, signed.MinKey), "reader cookie"), body))
}

// sideBySide returns a shop of which the version before answers those requests for which
// old returns true. If its cookies are for HTTPS only, it is served by HTTPS; if its public URL
// has a path, a proxy strips that for the version before.
func sideBySide(t *testing.T, old func() bool, change ...func(*Config)) *testShop {
	t.Helper()
	s := newTestShop(t, fewBooks(), change...)
	var cfg Config
	for _, c := range change {
		c(&cfg)
	}
	root := ""
	if cfg.Edge != nil {
		root = cfg.Edge.PublicURL().Root().To("")
	}
	former := http.StripPrefix(root, formerShop{s.recommender})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if old() {
			former.ServeHTTP(w, r)
		} else {
			s.handler.ServeHTTP(w, r)
		}
	}))
	if cfg.SecureCookie {
		server.StartTLS()
		s.client.Transport = server.Client().Transport
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	s.url = server.URL + root
	s.client.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.Method != http.MethodPost {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return s
}

// While shops of the version before serve beside this one, whichever answers, no form is
// refused and nobody becomes another reader: not who comes first to one or the other, nor
// who reads as somebody else for a while, nor who is forgotten.
func TestNobodyBecomesAnotherReaderBesideTheVersionBefore(t *testing.T) {
	nobodyBecomesAnother(t, func(c *Config) { c.FormerCookies = true })
}

// The same if only this version knows that it is served by HTTPS.
func TestNobodyBecomesAnotherReaderWhenCookiesBecomeSecure(t *testing.T) {
	nobodyBecomesAnother(t, func(c *Config) { c.FormerCookies, c.SecureCookie = true, true })
}

// The same if this version is told of a path, which the one before did not know.
func TestNobodyBecomesAnotherReaderBelowAPath(t *testing.T) {
	below := at(t, "http://127.0.0.1/shop")
	nobodyBecomesAnother(t, func(c *Config) {
		below(c)
		c.FormerCookies = true
	})
}

func nobodyBecomesAnother(t *testing.T, change func(*Config)) {
	t.Helper()
	var random *rand.Rand
	s := sideBySide(t, func() bool { return random.IntN(2) == 0 }, change)
	shown := func() int64 {
		s.get("/").want(t, 200)
		id, _, _ := s.recommender.asked()
		return id
	}
	for seed := range uint64(200) {
		random = rand.New(rand.NewPCG(seed, 0))
		s.client.Jar, _ = cookiejar.New(nil) // never fails
		s.get("/").want(t, 200)
		s.act("1", "like").want(t, http.StatusSeeOther)
		own := shown()
		s.switchTo("7", "/").want(t, http.StatusSeeOther)
		if id := shown(); id != 7 {
			t.Errorf("seed %d: reads as %d, not as the sample reader", seed, id)
		}
		s.switchTo("self", "/").want(t, http.StatusSeeOther)
		s.act("2", "like").want(t, http.StatusSeeOther)
		if id := shown(); id != own || len(s.recommender.history(own)) != 2 {
			t.Errorf("seed %d: reader %d is %d, with %d of 2 likes", seed, own, id, len(s.recommender.history(own)))
		}
		s.do("POST", "/your-books/forget", "sure=yes", "Content-Type", formType).want(t, http.StatusSeeOther)
		s.get("/")
		if id := shown(); id == own || len(s.recommender.history(own)) != 0 {
			t.Errorf("seed %d: forgotten reader %d is %d", seed, own, id)
		}
		if t.Failed() {
			return
		}
	}
}

// Without --former-cookies, a reader of the version before stays the same, and one of this
// version becomes the same again when the other one is gone.
func TestReadersOfBothVersions(t *testing.T) {
	for _, first := range []bool{true, false} {
		old := first
		s := sideBySide(t, func() bool { return old })
		s.get("/")
		s.act("1", "like").want(t, http.StatusSeeOther)
		s.get("/")
		own, _, _ := s.recommender.asked()
		old = !first
		s.get("/")
		s.act("2", "like").want(t, http.StatusSeeOther)
		old = false
		likes := map[bool]int{true: 2, false: 1}[first]
		if got := s.own(); got != own || len(s.recommender.history(own)) != likes {
			t.Errorf("first the version before, %t: reader %d is %d, history %v", first, own, got, s.recommender.history(own))
		}
	}
}
