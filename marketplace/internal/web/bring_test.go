package web

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/web/page"
)

// fromGoodreads is a file as Goodreads makes it, without the columns that are not used.
const fromGoodreads = `Book Id,Title,Author,Author l-f,ISBN,ISBN13,My Rating,Year Published,Original Publication Year,Exclusive Shelf,My Review
1,"The Hobbit, or There and Back Again",J.R.R. Tolkien,"Tolkien, J.R.R.","=""0618260307""","=""9780618260300""",5,2002,1937,read,"Good, ""all"" of it"
2,Jane Eyre,Charlotte Bronte,"Bronte, Charlotte","=""""","=""""",0,2003,1847,read,
3,Emma,Jane Austen,,,,0,2003,1815,to-read,
4,"Dune (Dune, #1)",Frank Herbert,,,,4,,1965,read,
5,Dune,Frank Herbert,,,,2,,1965,read,
6,<b>Bold & new</b> (Series),Nobody <i>Known</i>,,,,3,,2001,read,
7,Emma,Alexander McCall Smith,,,,3,,2014,read,
8,The Odyssey,Homer,,,,0,,-700,owned,
`

// bring posts a file to the shop.
func (s *testShop) bring(content string) answer {
	s.t.Helper()
	body, kind := fileForm(s.t, content)
	return s.do(http.MethodPost, page.BringPath, body, "Content-Type", kind)
}

func fileForm(t *testing.T, content string) (body, contentType string) {
	t.Helper()
	var form bytes.Buffer
	to := multipart.NewWriter(&form)
	part, err := to.CreateFormFile("file", "export.csv")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(part, content)
	_ = to.Close()
	return form.String(), to.FormDataContentType()
}

// unbring posts the form that takes a batch back.
func (s *testShop) unbring(token string) answer {
	s.t.Helper()
	return s.do(http.MethodPost, page.UnbringPath, url.Values{"batch": {token}}.Encode(), "Content-Type", formType)
}

// tokenOf returns the token of the form on a page.
func tokenOf(t *testing.T, a answer) string {
	t.Helper()
	found := regexp.MustCompile(`name="batch" value="([^"]+)"`).FindStringSubmatch(a.body)
	if found == nil {
		t.Fatalf("no form that takes it back: %.2000s", a.body)
	}
	return html.UnescapeString(found[1])
}

// entriesOf returns a history by book.
func entriesOf(list []recommend.Entry) map[int64]recommend.Entry {
	all := map[int64]recommend.Entry{}
	for _, e := range list {
		if e != (recommend.Entry{BookID: e.BookID}) {
			all[e.BookID] = e
		}
	}
	return all
}

func TestReaderBringsBooks(t *testing.T) {
	s := newTestShop(t, fewBooks())
	own := s.own()
	s.act("3", "want")
	s.act("4", "dismiss")
	before := entriesOf(s.recommender.history(own))
	s.get("/your-books").want(t, 200, "Bring your books", `enctype="multipart/form-data"`)

	answer := s.bring(fromGoodreads).want(t, 200, "Your file from Goodreads has 8 books", "6 of them are in this shop: 3 added, 3 as before",
		"5 stars of 5", "read, so you like it", "4 stars of 5", "stays as it is here: not for you", "Not in this shop, or not to be told apart there: 2 books",
		"&lt;b&gt;Bold &amp; new&lt;/b&gt; (Series)", `href="/search?q=%3Cb%3EBold%20%26%20new%3C%2Fb%3E"`, `href="/search?q=Emma"`).without(t, "<b>Bold", "<i>Known")
	want := map[int64]recommend.Entry{
		1: {BookID: 1, Rating: 5}, 2: {BookID: 2, Liked: true}, 3: {BookID: 3, Wanted: true}, 4: {BookID: 4, Dismissed: true}, 5: {BookID: 5, Rating: 4},
	}
	if diff := cmp.Diff(want, entriesOf(s.recommender.history(own))); diff != "" {
		t.Errorf("after the file (-want +got):\n%s", diff)
	}
	s.bring(fromGoodreads).want(t, 200, "0 added, 6 as before").without(t, `name="batch"`)

	// What the reader changes afterwards stays.
	s.act("5", "rating-1")
	token := tokenOf(t, answer)
	to := s.unbring(token).want(t, 303).Header.Get("Location")
	s.get(to).want(t, 200, "Taken back")
	before[5] = recommend.Entry{BookID: 5, Rating: 1}
	if diff := cmp.Diff(before, entriesOf(s.recommender.history(own))); diff != "" {
		t.Errorf("after it was taken back (-want +got):\n%s", diff)
	}
	s.unbring(token).want(t, 303) // again

	s.unbring(token+"x").want(t, 400, "must be of a file that you brought yourself")
	s.unbring("").want(t, 400)
	other := newTestShop(t, fewBooks())
	other.own()
	other.unbring(token).want(t, 400)
}

// A rating takes a book off the list, and taking it back puts it there again.
func TestBroughtRatingOfAWantedBook(t *testing.T) {
	s := newTestShop(t, fewBooks())
	own := s.own()
	s.act("1", "want")
	answer := s.bring("Title,Authors,Read Status,Star Rating\nThe Hobbit,J.R.R. Tolkien,read,4.25\n").want(t, 200, "4 stars of 5")
	s.act("1", "unwant") // as recommendations does with the rating
	s.unbring(tokenOf(t, answer)).want(t, 303)
	if diff := cmp.Diff([]recommend.Entry{{BookID: 1, Wanted: true}}, s.recommender.history(own)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Files come in the encodings and with the separators of spreadsheets.
func TestBroughtFromTheStoryGraph(t *testing.T) {
	s := newTestShop(t, fewBooks())
	own := s.own()
	text := "sep=;\r\nTitle;Authors;Contributors;ISBN/UID;Read Status;Star Rating\r\n" +
		"Jane Eyre;Charlotte Brontë;;;to-read;\r\nDune;Herbert, Frank;;;did-not-finish;\r\nOther title;;;978-0-261-10328-3;read;0,5\r\nEmma;Jane Austen;;;currently-reading;\r\n" +
		"Faulty;Rating;;;read;9\r\nThe Odyssey;Homer;;;read;4,5\r\n"
	encoded := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(text)) {
		encoded = append(encoded, byte(unit), byte(unit>>8))
	}
	s.bring(string(encoded)).want(t, 200, "Your file from The StoryGraph has 5 books. 5 of them are in this shop: 5 added", "on your list", "not read to the end, so not for you",
		"1 star of 5", "Could not be read: 1 row of the file.", "Line 7: <bdi>its rating, “9”, is not a number from 0 to 5</bdi>")
	want := map[int64]recommend.Entry{
		1: {BookID: 1, Rating: 1}, 2: {BookID: 2, Wanted: true}, 3: {BookID: 3, Wanted: true}, 4: {BookID: 4, Rating: 5}, 5: {BookID: 5, Dismissed: true},
	}
	if diff := cmp.Diff(want, entriesOf(s.recommender.history(own))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What the page says of a file with one book, or of one of them, is a sentence.
func TestBroughtFileIsSummedUp(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.own()
	const header, emma, other = "Title,Authors,Read Status,Star Rating\n", "Emma,Jane Austen,read,5\n", "No Such Book,Nobody,read,5\n"
	s.bring(header+emma).want(t, 200, "has 1 book, which is in this shop: 1 added.")
	s.bring(header+emma+other).want(t, 200, "has 2 books. 1 of them is in this shop: 0 added, 1 as before.")
	s.bring(header+other).want(t, 200, "has 1 book, and this shop does not have it.")
	s.bring(header+other+"Nor This,Nobody,read,5\n").want(t, 200, "has 2 books, and this shop has none of them.")
	s.bring(header+",,read,5\n").want(t, 200, "has no books", "Line 2: <bdi>it has no title</bdi>")
	s.bring(header+strings.Repeat(",,read,5\n", 30)).want(t, 200, "Could not be read: 30 rows of the file. Here are the first 20.")
}

// A browser without a cookie gets one, and sends the file again.
func TestStrangerBringsBooks(t *testing.T) {
	s := newTestShop(t, fewBooks())
	to := s.bring(fromGoodreads).want(t, 307).Header.Get("Location")
	body, kind := fileForm(t, fromGoodreads)
	s.do(http.MethodPost, to, body, "Content-Type", kind).want(t, 200, "4 added")
	s.client.Jar = nil
	s.do(http.MethodPost, to, body, "Content-Type", kind).want(t, 403, "Your browser keeps no cookie of ours")
}

func TestBroughtFileRefused(t *testing.T) {
	s := newTestShop(t, fewBooks())
	own := s.own()
	s.bring("Title,Author\nEmma,Jane Austen\n").want(t, 400, "We cannot take this file", "The file must be the CSV file that Goodreads or The StoryGraph gave you, with its first line.",
		`Go back to <a href="/your-books">Your books</a>`).without(t, "fields", "<strong>file</strong>")
	s.bring("").want(t, 400, "must be the CSV file", `href="/your-books">Your books</a>`)
	s.bring("Title,Authors,Read Status,Star Rating\n"+strings.Repeat("Emma,Jane Austen,read,5\n", 20_001)).want(t, 400, "more than 20,000 books")
	s.do(http.MethodPost, page.BringPath, "file=x", "Content-Type", formType).want(t, 400, "The form could not be read.")
	titles := "Title,Author,My Rating,Exclusive Shelf\n"
	s.bring(titles+strings.Repeat("x", 5<<20-len(titles))).want(t, 200, "has 1 book")
	s.bring(titles+strings.Repeat("x", 5<<20-len(titles)+1)).want(t, 413, "The file is too large: at most 5 MB", `href="/your-books">Your books</a>`)
	s.bring(strings.Repeat("x", 5<<20+8<<10)).want(t, 413, "The file is too large: at most 5 MB", `href="/your-books">Your books</a>`)
	s.unbring(strings.Repeat("x", 256<<10)).want(t, 413)
	// No other form may be as long.
	s.do(http.MethodPost, page.InteractionsPath, "book="+strings.Repeat("7", maxBody), "Content-Type", formType).want(t, 413)
	if got := s.recommender.history(own); len(got) > 0 {
		t.Errorf("history %+v", got)
	}
}

// What decides on a file is decided without it.
func TestBroughtFileRefusedBeforeItCame(t *testing.T) {
	for name, step := range map[string]struct {
		prepare func(*testShop)
		header  string
		want    int
	}{
		"of another site":    {func(*testShop) {}, "Sec-Fetch-Site: cross-site\r\n", 403},
		"as a sample reader": {func(s *testShop) { s.switchTo("7", "/") }, "", 409},
		"more than one may": {func(s *testShop) {
			for range 10 {
				s.bring("")
			}
		}, "", 429},
		"longer than any file": {func(*testShop) {}, "Content-Length: 99999999\r\n", 413},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTestShop(t, fewBooks(), stopClock)
			s.own()
			step.prepare(s)
			if !strings.Contains(step.header, "Content-Length") {
				step.header += "Content-Length: 1000000\r\n"
			}
			if got := s.withoutBody(page.BringPath, step.header); got != step.want {
				t.Errorf("status %d, want %d", got, step.want)
			}
		})
	}
}

// A reader brings one file at a time.
func TestOneFileAtATime(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.own()
	body, kind := fileForm(t, fromGoodreads)
	slow := send(t, strings.TrimPrefix(s.url, "http://"), s.head(page.BringPath, fmt.Sprintf("Content-Type: %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n", kind, len(body))))
	answers := bufio.NewReader(slow)
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "100") { // its body is being read
		t.Fatalf("%q, %v", line, err)
	}
	_, _ = answers.ReadString('\n')
	if got := s.withoutBody(page.BringPath, "Content-Length: 100\r\n"); got != 429 {
		t.Errorf("another file beside it: status %d, want 429", got)
	}
	if _, err := io.WriteString(slow, body); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("the slow file: status %d", resp.StatusCode)
	}
}

// head returns the head of a form of the browser's reader, without a body.
func (s *testShop) head(path, more string) string {
	address, _ := url.Parse(s.url)
	head := "POST " + path + " HTTP/1.1\r\nHost: " + address.Host + "\r\n" + more
	for _, c := range s.client.Jar.Cookies(address) {
		head += "Cookie: " + c.Name + "=" + c.Value + "\r\n"
	}
	return head + "\r\n"
}

// withoutBody returns the status that answers a form before its body.
func (s *testShop) withoutBody(path, more string) int {
	s.t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(send(s.t, strings.TrimPrefix(s.url, "http://"), s.head(path, more))), nil)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// The largest file, with each book in several editions.
func TestTheLargestFile(t *testing.T) {
	contents := fewBooks()
	file := strings.Builder{}
	file.WriteString("Title,Authors,Read Status,Star Rating\n")
	for i := range int64(20_000) {
		title := fmt.Sprintf("Volume of letters %d", i%4000)
		if i < 4000 {
			contents.Books = append(contents.Books, catalog.Book{ID: 1_000_000_000_000 + 7*i, Title: title, Author: "Ann Author", Categories: []string{"history"}})
		}
		fmt.Fprintf(&file, "%s,\"Author, Ann\",read,%d\n", title, 1+i%5)
	}
	s := newTestShop(t, contents)
	own := s.own()
	answer := s.bring(file.String()).want(t, 200, "20,000 of them are in this shop: 4,000 added, 16,000 as before", "500 of 4,000 books are shown")
	s.unbring(tokenOf(t, answer)).want(t, 303)
	for _, e := range s.recommender.history(own) {
		if e.Rating != 0 {
			t.Fatalf("%+v was not taken back", e)
		}
	}
}

// Readers can take their books along.
func TestDownloadJSON(t *testing.T) {
	s := newTestShop(t, fewBooks())
	s.get("/your-books.json").want(t, 404)
	s.own()
	s.act("1", "rating-4")
	s.act("2", "want")
	s.act("3", "dismiss")
	answer := s.get("/your-books.json").want(t, 200)
	if got := answer.Header.Get("Content-Disposition"); got != `attachment; filename="your-books.json"` {
		t.Errorf("Content-Disposition %q", got)
	}
	var got any
	if err := json.Unmarshal([]byte(answer.body), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"books": []any{
		map[string]any{"book_id": 1., "title": "The Hobbit", "author": "J.R.R. Tolkien", "isbn": "9780261103283", "liked": false, "rating": 4., "bought": false, "wanted": false},
		map[string]any{"book_id": 2., "title": "Jane Eyre", "author": "Charlotte Brontë", "liked": false, "bought": false, "wanted": true},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.get("/your-books").want(t, 200, `href="/your-books.json"`)
}
