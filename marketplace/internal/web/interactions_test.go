package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bookstall/marketplace/internal/recommend"
)

func TestReaderLikesAndRates(t *testing.T) {
	s := newTestShop(t, fewBooks())
	own := s.own()
	for _, step := range []struct {
		do   string
		want recommend.Entry
	}{
		{"like", recommend.Entry{BookID: 5, Liked: true}},
		{"rating-4", recommend.Entry{BookID: 5, Liked: true, Rating: 4}},
		{"purchase", recommend.Entry{BookID: 5, Liked: true, Rating: 4, Purchased: true}},
		{"unlike", recommend.Entry{BookID: 5, Rating: 4, Purchased: true}},
		{"unrate", recommend.Entry{BookID: 5, Purchased: true}},
	} {
		answer := s.act("5", step.do).want(t, http.StatusSeeOther)
		if got := answer.Header.Get("Location"); got != "/books?page=2#book-5" {
			t.Errorf("%s leads to %q", step.do, got)
		}
		if diff := cmp.Diff([]recommend.Entry{step.want}, s.recommender.history(own)); diff != "" {
			t.Errorf("after %s (-want +got):\n%s", step.do, diff)
		}
	}
}

// Pages show likes and ratings in every place where a book appears.
func TestPagesShowWhatTheReaderDid(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.own()
	s.act("2", "like")
	s.act("2", "rating-3")
	s.act("2", "purchase")
	liked := `value="unlike" data-control="like"`
	page := s.get("/books/2").want(t, 200, liked, `value="rating-3" data-control="rating-3" aria-pressed="true" class="on"`,
		`value="rating-4" data-control="rating-4" aria-pressed="false">`, "You bought it", `value="unrate"`, `data-count>1</span>`)
	golden(t, "book-liked", page.body)
	for _, path := range []string{"/", "/books", "/search?q=jane", "/categories/classics", "/books/3"} {
		if n := strings.Count(s.get(path).want(t, 200, `data-count>1</span>`).body, liked); n == 0 {
			t.Errorf("%s does not show that Jane Eyre is liked", path)
		}
	}
	// A page asks for the history once, with the version of the last write.
	before := s.recommender.asks
	s.get("/")
	if s.recommender.asks != before+1 || s.recommender.minVersion != 3 {
		t.Errorf("%d calls of History, the last with min version %d; want 1 with 3", s.recommender.asks-before, s.recommender.minVersion)
	}
	// Pages work without the history.
	s.recommender.set(func(f *fakeRecommender) { f.historyErr = recommend.ErrUnavailable })
	for _, path := range []string{"/", "/books", "/books/2", "/search?q=jane"} {
		s.get(path).want(t, 200, `value="like"`, `data-count></span>`).without(t, liked)
	}
}

// New visitors have no history to ask for.
func TestNoHistoryOfAStranger(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.client.Jar = nil
	for _, path := range []string{"/", "/books", "/books/1", "/your-books"} {
		s.get(path).want(t, 200)
	}
	if s.recommender.asks != 0 {
		t.Errorf("%d calls of History of strangers", s.recommender.asks)
	}
}

// scriptAnswer is what static/shop.js reads.
type scriptAnswer struct {
	HTML  string `json:"html"`
	Count *int   `json:"count"`
	Said  string `json:"said"`

	Reader string `json:"reader"`
}

// The script gets the form as it is now.
func TestScriptGetsTheForm(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.own()
	got := decode[scriptAnswer](t, s.act("5", "like", "Accept", "application/json").want(t, 200))
	if got.Count == nil || *got.Count != 1 || got.Said != "You like Dune." || !strings.Contains(got.HTML, `value="unlike"`) ||
		strings.Contains(got.HTML, "rating-1") || !strings.Contains(got.HTML, `value="/books?page=2#book-5"`) {
		t.Errorf("%+v", got)
	}
	form := url.Values{"book": {"6"}, "do": {"rating-2"}, "widget": {"whole"}}
	got = decode[scriptAnswer](t, s.do("POST", "/interactions", form.Encode(), "Content-Type", formType, "Accept", "application/json").want(t, 200))
	if got.Said != `You gave <b>"Tom" & 'Jerry'</b> 2 of 5 stars.` || strings.Contains(got.HTML, "<b>") || !strings.Contains(got.HTML, `value="unrate"`) {
		t.Errorf("%+v", got)
	}
	s.recommender.set(func(f *fakeRecommender) { f.historyErr = errors.New("gone") })
	got = decode[scriptAnswer](t, s.act("3", "like", "Accept", "application/json").want(t, 200))
	if got.Count != nil || !strings.Contains(got.HTML, `value="unlike"`) {
		t.Errorf("without a history: %+v", got)
	}
}

func TestInteractionRefused(t *testing.T) {
	s := newTestShop(t, fewBooks())
	own := s.own()
	for book, do := range map[string]string{"": "like", "x": "like", "0": "like", "1": "", "2": "view", "3": "rating", "4": "rating-0", "5": "rating-6", "7": "rating-05x"} {
		s.act(book, do).want(t, 400, "The request has fields that cannot be used.")
	}
	s.act("999", "like").want(t, 404, "There is no such book.")
	s.act("1", "like", "Sec-Fetch-Site", "cross-site").want(t, 403)
	s.act("1", "like", "Origin", "https://evil.test").want(t, 403)
	s.do("POST", "/interactions", "book="+strings.Repeat("7", maxBody), "Content-Type", formType).want(t, 413)
	form := url.Values{"book": {"1"}, "do": {"like"}, "id": {"has a space"}, "return": {"//evil.test"}}
	s.do("POST", "/interactions", form.Encode(), "Content-Type", formType).want(t, 400, "128 printable")
	form.Set("id", "my-id")
	if got := s.do("POST", "/interactions", form.Encode(), "Content-Type", formType).want(t, 303).Header.Get("Location"); got != "/" {
		t.Errorf("leads to %q", got)
	}
	form.Set("do", "purchase")
	s.do("POST", "/interactions", form.Encode(), "Content-Type", formType).want(t, 409, "The id was used before")

	// Acting as a sample reader, the visitor cannot like or rate.
	s.switchTo("7", "/")
	s.act("1", "unlike").want(t, 409, "You see the shop as a sample reader.")
	s.get("/books/1").want(t, 200, "To like, rate or buy, be yourself").without(t, `value="like"`, `value="unlike"`)
	s.get("/").want(t, 200).without(t, `value="like"`, "data-live")
	s.get("/your-books").want(t, 200, "To like, rate or buy, be yourself").without(t, "Forget me")
	s.do("POST", "/your-books/forget", "sure=yes", "Content-Type", formType).want(t, 409)
	if got := s.recommender.history(own); len(got) != 1 || !got[0].Liked || len(s.recommender.history(7)) != 0 {
		t.Errorf("history %+v, of the sample %+v", got, s.recommender.history(7))
	}
}

// A page says that a write was not stored, and offers to try again.
func TestWriteFails(t *testing.T) {
	s := newTestShop(t, fewBooks())
	own := s.own()
	s.recommender.set(func(f *fakeRecommender) { f.storeErr = fmt.Errorf("at 10.1.2.3: %w", recommend.ErrUnavailable) })
	page := s.act("5", "rating-4").want(t, 503, "We could not keep that", "Nothing else is lost", `name="do" value="rating-4">Try again`,
		`href="/books?page=2#book-5"`).without(t, "10.1.2.3", "The shop is opening")
	if page.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	s.get("/your-books").want(t, 503, "Your books are away for a moment", "Nothing is lost")
	s.do("POST", "/your-books/forget", "sure=yes", "Content-Type", formType).want(t, 503, "We could not keep that").without(t, "Try again</button>")

	// The repeated form is the same interaction.
	_, rest, _ := strings.Cut(page.body, `name="id" value="`)
	id, _, _ := strings.Cut(rest, `"`)
	s.recommender.set(func(f *fakeRecommender) { f.storeErr = nil })
	form := url.Values{"book": {"5"}, "do": {"rating-4"}, "id": {id}, "return": {"/books/5"}}
	for range 2 {
		s.do("POST", "/interactions", form.Encode(), "Content-Type", formType).want(t, 303)
	}
	if got := s.recommender.history(own); len(got) != 1 || len(s.recommender.stored) != 1 || id == "" {
		t.Errorf("history %+v, %d interactions", got, len(s.recommender.stored))
	}

	s.recommender.set(func(f *fakeRecommender) { f.storeErr = errors.New("nobody expected 10.1.2.3") })
	s.act("5", "like").want(t, 500).without(t, "10.1.2.3")
}

func TestYourBooks(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.own()
	s.get("/your-books").want(t, 200, "Nothing yet", "Forget me")
	s.act("1", "like")
	s.act("5", "rating-2")
	s.act("3", "purchase")
	s.act("2", "like")
	s.act("2", "unlike")
	page := s.get("/your-books").want(t, 200, "3 books", "Emma", "Dune", "The Hobbit", `href="/your-books" aria-current="page"`).without(t, "Jane Eyre")
	if emma, hobbit := strings.Index(page.body, "Emma"), strings.Index(page.body, "The Hobbit"); emma > hobbit {
		t.Error("the latest is not the first")
	}
	golden(t, "your-books", page.body)
}

// A book that is wanted or dismissed is on a list of its own, and not among the reader's books.
func TestWantedAndDismissed(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.own()
	s.get("/books/3").want(t, 200, `value="want"`, `value="dismiss"`)
	s.act("3", "want")
	s.get("/books/3").want(t, 200, `value="unwant"`, `data-count></span>`)
	s.get("/books").want(t, 200, `value="unwant"`, "On your list")
	s.get("/your-books").want(t, 200, `<h2 id="wanted">Want to read</h2>`, "Emma", `value="unwant"`).without(t, "Not for you", "/your-books.csv")
	s.act("3", "dismiss")
	s.get("/your-books").want(t, 200, `<h2 id="dismissed">Not for you</h2>`, "Emma", `value="undismiss"`).without(t, "Want to read</h2>")
	// The last one can be taken back where shelves are.
	for _, path := range []string{"/", "/books/2"} {
		s.get(path).want(t, 200, `Emma</bdi></a> is not for you.`, `<button name="do" value="undismiss">`)
	}
	s.get("/books/2").without(t, `href="/books/3" lang`) // readers also liked it
	s.get("/books/3").want(t, 200, "Not for you. Undo").without(t, "is not for you.")
	s.act("3", "undismiss")
	s.get("/").want(t, 200).without(t, "is not for you.")
	s.get("/books/2").want(t, 200, `href="/books/3"`)
	s.get("/your-books").want(t, 200, "Nothing yet").without(t, "Not for you")
	// A purchase can be taken back.
	s.act("3", "purchase")
	s.get("/books/3").want(t, 200, "You bought it", `value="unpurchase"`, `data-count>1</span>`)
	s.act("3", "unpurchase")
	s.get("/books/3").want(t, 200, `value="purchase"`, `data-count></span>`)
	s.act("3", "nonsense").want(t, 400, "unpurchase, want, unwant, dismiss or undismiss")
	for do, said := range map[string]string{
		"want": "Emma is on your list.", "unwant": "Emma is no longer on your list.", "dismiss": "Emma is not for you: shelves leave it out.",
		"undismiss": "Shelves may show Emma again.", "unpurchase": "Noted: you did not buy Emma.",
	} {
		if got := decode[scriptAnswer](t, s.act("3", do, "Accept", "application/json").want(t, 200)); got.Said != said {
			t.Errorf("%s: %q, want %q", do, got.Said, said)
		}
	}
}

// Titles and authors of a download are no formulas for a spreadsheet.
func TestDownload(t *testing.T) {
	contents := fewBooks()
	contents.Books[0].Title, contents.Books[0].Author = "=HYPERLINK(\"https://evil.test\",\"free\")", "+1"
	contents.Books[1].Title, contents.Books[1].Author = "-2+3", "@SUM(A1)"
	s := newTestShop(t, contents)
	s.get("/your-books.csv").want(t, 404, "There are no books of yours")
	s.own()
	s.get("/your-books").without(t, "/your-books.csv")
	for _, do := range [][2]string{{"3", "purchase"}, {"2", "rating-4"}, {"1", "like"}} {
		s.act(do[0], do[1])
	}
	s.get("/your-books").want(t, 200, `href="/your-books.csv"`)
	s.act("4", "want")
	s.act("5", "dismiss")
	s.act("1", "want")
	file := s.get("/your-books.csv").want(t, 200)
	want := "book_id,title,author,liked,rating,bought,wanted,isbn\n" +
		"1,\"'=HYPERLINK(\"\"https://evil.test\"\",\"\"free\"\")\",'+1,true,,false,true,9780261103283\n" +
		"2,'-2+3,'@SUM(A1),false,4,false,false,\n" +
		"3,Emma,Jane Austen,false,,true,false,\n" +
		"4,The Odyssey,Homer,false,,false,true,\n"
	if diff := cmp.Diff(want, file.body); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, value := range map[string]string{
		"Content-Type": "text/csv; charset=utf-8", "Content-Disposition": `attachment; filename="your-books.csv"`, "Cache-Control": "private, no-store",
	} {
		if got := file.Header.Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
	s.switchTo("7", "/")
	s.get("/your-books.csv").want(t, http.StatusConflict)
}

func TestForgetMe(t *testing.T) {
	s := newTestShop(t, fewBooks())
	own := s.own()
	s.act("1", "like")
	for _, form := range []string{"", "sure=", "sure=no"} {
		s.do("POST", "/your-books/forget", form, "Content-Type", formType).want(t, 400, "<strong>sure</strong> must be ticked")
	}
	s.do("POST", "/your-books/forget", "sure=yes", "Content-Type", formType, "Sec-Fetch-Site", "cross-site").want(t, 403)
	if len(s.recommender.history(own)) != 1 {
		t.Fatal("forgotten without the confirmation")
	}
	answer := s.do("POST", "/your-books/forget", "sure=yes", "Content-Type", formType).want(t, 303)
	var removed []string
	for _, c := range answer.Cookies() {
		if c.MaxAge < 0 {
			removed = append(removed, c.Name)
		}
	}
	// That of an earlier version as well: it would be taken over again.
	if want := []string{"visitor", "reader", "version", "variety"}; !slices.Equal(removed, want) || answer.Header.Get("Location") != "/your-books?forgotten=yes" {
		t.Errorf("the cookies %v are removed, want %v; leads to %q", removed, want, answer.Header.Get("Location"))
	}
	s.get("/your-books?forgotten=yes").want(t, 200, "You are forgotten", "Nothing yet")
	if again := s.own(); again == own || len(s.recommender.history(own)) != 0 {
		t.Errorf("reader %d is %d now, history %+v", own, again, s.recommender.history(own))
	}
}

// A shop without a store has no forms for likes.
func TestReadOnly(t *testing.T) {
	contents := fewBooks()
	contents.ReadOnly = true
	s := newTestShop(t, contents)
	s.own()
	for _, path := range []string{"/", "/books", "/books/1", "/search?q=jane", "/categories/classics"} {
		s.get(path).want(t, 200).without(t, "/interactions", "Your books", "data-live", "Like a book")
	}
	s.act("1", "like").want(t, 501, "This shop does not remember what readers do.")
	s.get("/your-books").want(t, 501)
	s.do("POST", "/your-books/forget", "sure=yes", "Content-Type", formType).want(t, 501)
	if s.get("/shelf/events").StatusCode != http.StatusNoContent || s.recommender.asks != 0 {
		t.Errorf("%d calls of History", s.recommender.asks)
	}
	s.recommender.set(func(f *fakeRecommender) { f.storeErr = recommend.ErrReadOnly })
	s.do("POST", "/api/v1/interactions", `{"user_id":1,"book_id":1,"kind":"like"}`, "Content-Type", "application/json").want(t, 501, `"status":501`)
	s.get("/api/v1/readers/1/history").want(t, 501)
	s.do("DELETE", "/api/v1/readers/1", "").want(t, 501)
}

// The version of the last write is in a cookie, so that every replica knows it.
func TestVersionCookie(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.own()
	for range 3 {
		s.act("1", "like")
	}
	s.get("/")
	if got := s.recommender.query.MinVersion; got != 3 {
		t.Errorf("the shelf is queried with min version %d, want 3", got)
	}
	s.switchTo("7", "/")
	s.get("/")
	if got := s.recommender.query.MinVersion; got != 0 {
		t.Errorf("the sample reader's shelf is queried with min version %d, want 0", got)
	}
}

// One reader cannot write so much that nothing is left for others.
func TestOneReadersWritesAreLimited(t *testing.T) {
	s := newTestShop(t, fewBooks(), stopClock)
	s.own()
	refused := 0
	for i := range 150 {
		do := []string{"like", "unlike"}[i%2]
		if a := s.act("1", do); a.StatusCode == http.StatusTooManyRequests {
			refused++
			a.want(t, http.StatusTooManyRequests, "That was a lot at once")
			if a.Header.Get("Retry-After") != "1" {
				t.Errorf("Retry-After %q, want 1", a.Header.Get("Retry-After"))
			}
		} else {
			a.want(t, http.StatusSeeOther)
		}
	}
	if refused != 50 {
		t.Errorf("%d of 150 writes at once are refused, want 50", refused)
	}
	s.wantLimited(refused, "reader", "writes")
	other := newTestShop(t, fewBooks())
	other.own()
	other.act("1", "like").want(t, http.StatusSeeOther)
}
