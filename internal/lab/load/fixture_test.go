package load

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeShop answers as the shop does. Readers below 100 have a history. spoil, if set,
// may answer in its place, except for the calls of fetchOffer.
type fakeShop struct {
	source string // source of all shelves; "" for the right one
	spoil  func(w http.ResponseWriter, r *http.Request) bool
	calls  atomic.Int64
}

func (s *fakeShop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/api/v1/books" {
		_, _ = io.WriteString(w, `{"books":[{"id":1,"title":"One & Only"},{"id":2,"title":"Two"}]}`)
		return
	}
	// fetchOffer fetches the first page.
	if n := s.calls.Add(1); n > 1 && s.spoil != nil && s.spoil(w, r) {
		return
	}
	s.answer(w, r)
}

func (s *fakeShop) shelf(id int64) string {
	switch {
	case s.source != "":
		return s.source
	case id < 100:
		return personal
	}
	return popular
}

func (s *fakeShop) answer(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; path {
	case "/":
		id := int64(firstAnonymous)
		if c, err := r.Cookie("reader"); err == nil {
			id, _ = strconv.ParseInt(c.Value, 10, 64)
		}
		_, _ = io.WriteString(w, `<button name="reader" value="7">Seven</button><button name="reader" value="self">`)
		s.page(w, s.shelf(id))
	case "/reader":
		if asksAgain(r) {
			http.SetCookie(w, &http.Cookie{Name: "reader", Value: strconv.FormatInt(firstAnonymous, 10), Path: "/"})
			http.Redirect(w, r, "/reader", http.StatusTemporaryRedirect)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "reader", Value: r.PostFormValue("reader"), Path: "/"})
		http.Redirect(w, r, "/", http.StatusSeeOther)
	case "/search":
		_, _ = io.WriteString(w, `<a href="/books/1">`)
	case "/api/v1/recommendations":
		id, _ := strconv.ParseInt(r.URL.Query().Get("user_id"), 10, 64)
		by := fmt.Sprintf("replica-%d", s.calls.Load()%2)
		if s.source == fallback {
			by = ""
		}
		fmt.Fprintf(w, `{"recommendations":[{"id":1}],"source":%q,"served_by":%q}`, s.shelf(id), by)
	default:
		_, _ = io.WriteString(w, `<article class="book">`)
		switch {
		case s.source == fallback:
			s.page(w, fallback)
		case path == "/books/1": // the other has no similar books
			s.page(w, "similar")
		}
	}
}

// asksAgain reports whether the shop asks for a form again, with the cookie that it sets.
func asksAgain(r *http.Request) bool {
	_, err := r.Cookie("reader")
	return r.Method == http.MethodPost && err != nil
}

// page writes the source of the shelf.
func (s *fakeShop) page(w io.Writer, source string) {
	fmt.Fprintf(w, `<section data-source=%q>`, source)
}

func open(t *testing.T, shop http.Handler) string {
	t.Helper()
	s := httptest.NewServer(shop)
	t.Cleanup(s.Close)
	return s.URL
}

// pipes is a listener without a network, for tests with a fake clock.
type pipes struct {
	conns chan net.Conn
	quit  chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) dial() (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.quit:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.quit:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.quit); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }
