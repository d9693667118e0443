package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/apitoken"
	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/signed"
	"bookstall/marketplace/internal/storefront"
	"bookstall/marketplace/internal/web/page"
)

// fewBooks is a catalogue with every kind of book once.
func fewBooks() catalog.Contents {
	return catalog.Contents{
		Version: "v1",
		Books: []catalog.Book{
			{
				ID: 1, Title: "The Hobbit", Author: "J.R.R. Tolkien", Year: 1937, Categories: []string{"fantasy", "classics"}, Popularity: 1500,
				Series: "Middle-earth", ISBN: "9780261103283", Description: "In a hole in the ground\nthere lived a hobbit.",
				Price: "12.90", Currency: "EUR", Language: "en",
			},
			{ID: 2, Title: "Jane Eyre", Author: "Charlotte Brontë", Year: 1847, Categories: []string{"classics", "romance"}, Popularity: 1200},
			{ID: 3, Title: "Emma", Author: "Jane Austen", Year: 1815, Categories: []string{"classics", "romance"}, Popularity: 1100, Price: "7", Currency: "CHF"},
			{ID: 4, Title: "The Odyssey", Author: "Homer", Year: -700, Categories: []string{"poetry", "classics"}, Popularity: 1000},
			{ID: 5, Title: "Dune", Author: "Frank Herbert", Year: 1965, Categories: []string{"science-fiction"}, Popularity: 900, Price: "9.99", Currency: "USD"},
			{ID: 6, Title: `<b>"Tom" & 'Jerry'</b>`, Author: "<script>alert(1)</script>", Categories: []string{"comics"}, Popularity: 1},
			{ID: 7, Title: "Beowulf", Categories: []string{"poetry"}, Popularity: 0},
		},
		Samples: []catalog.SampleReader{{ID: 7, Label: "Synthetic reader 7: fantasy"}, {ID: 9, Label: "Synthetic reader 9: romance"}},
	}
}

// manyBooks has 60 books of one category, which makes three pages.
func manyBooks() catalog.Contents {
	c := fewBooks()
	for id := range int64(60) {
		c.Books = append(c.Books, catalog.Book{ID: 100 + id, Title: "Saga volume " + string(rune('A'+id%26)), Author: "Anon", Categories: []string{"history"}})
	}
	return c
}

// fakeRecommender answers with the catalogue's bestsellers, from a source that is set,
// and records the questions. It keeps histories.
type fakeRecommender struct {
	books  *catalog.Catalog
	source recommend.Source
	why    error // Cause of the shelves
	hang   bool  // shelves wait until their context ends
	panics bool
	close  int // how many similar books have a score; the others are bestsellers

	hanging atomic.Int64 // number of calls that wait

	mu         sync.Mutex
	query      recommend.Query   // query of the last call
	trace      trace.SpanContext // of the last call of Shelf
	most       int
	storeErr   error // returned by Record, History and Forget
	historyErr error
	asks       int   // calls of History
	minVersion int64 // argument of the last call of History
	version    int64 // version after the last change
	stored     map[string]recommend.Interaction
	histories  map[int64][]recommend.Entry
	forgotten  map[int64]int64  // generations that have ended
	added      map[string]int64 // readers whose ids are texts
	lags       bool             // shelves come from a replica that does not know of them
	cause      recommend.Interaction
	changed    chan struct{} // closed at the next change
	follows    []recommend.FollowQuery
}

func (f *fakeRecommender) Shelf(ctx context.Context, q recommend.Query) recommend.Shelf {
	if f.hang {
		f.hanging.Add(1)
		<-ctx.Done()
		f.hanging.Add(-1)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.query, f.most, f.trace = q, q.MaxResults, trace.SpanContextFromContext(ctx)
	if f.ended(q.UserID, q.Generation) && !f.lags {
		defer func(source recommend.Source) { f.source = source }(f.source)
		f.source = recommend.Popular
		answer := f.answer(q.Category, 0, q.MaxResults)
		answer.Forgotten, answer.Version = true, 0
		return answer
	}
	return f.answer(q.Category, 0, q.MaxResults)
}

func (f *fakeRecommender) Record(_ context.Context, i recommend.Interaction) (recommend.Recorded, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.storeErr != nil {
		return recommend.Recorded{}, f.storeErr
	}
	if _, err := f.books.Book(i.BookID); err != nil {
		return recommend.Recorded{}, fmt.Errorf("fake: %w", err)
	}
	if f.ended(i.UserID, i.Generation) {
		return recommend.Recorded{}, recommend.ErrForgotten
	}
	if known, again := f.stored[i.ID]; again && known != i {
		return recommend.Recorded{}, recommend.ErrConflict
	} else if again {
		return recommend.Recorded{Version: f.version}, nil
	}
	f.stored[i.ID] = i
	f.apply(i)
	f.cause = i
	f.change()
	return recommend.Recorded{Stored: true, Version: f.version}, nil
}

// apply is called with mu held.
func (f *fakeRecommender) apply(i recommend.Interaction) {
	entry := recommend.Entry{BookID: i.BookID}
	at := slices.IndexFunc(f.histories[i.UserID], func(e recommend.Entry) bool { return e.BookID == i.BookID })
	if at >= 0 {
		entry = f.histories[i.UserID][at]
		f.histories[i.UserID] = slices.Delete(f.histories[i.UserID], at, at+1)
	}
	switch i.Kind {
	case recommend.Like, recommend.Unlike:
		entry.Liked = i.Kind == recommend.Like
	case recommend.Rating, recommend.Unrate:
		entry.Rating = i.Rating
	case recommend.Purchase, recommend.Unpurchase:
		entry.Purchased = i.Kind == recommend.Purchase
	case recommend.Want, recommend.Unwant:
		entry.Wanted, entry.Dismissed = i.Kind == recommend.Want, false
	case recommend.Dismiss, recommend.Undismiss:
		entry.Wanted, entry.Dismissed = false, i.Kind == recommend.Dismiss
	case recommend.View:
	}
	f.histories[i.UserID] = slices.Insert(f.histories[i.UserID], 0, entry)
}

func (f *fakeRecommender) RecordAll(ctx context.Context, list []recommend.Interaction) (b recommend.Batch, err error) {
	for _, i := range list {
		done, err := f.Record(ctx, i)
		if err != nil {
			return b, err
		}
		b.Done++
		b.Sent++
		b.Version = done.Version
	}
	return b, nil
}

// change is called with mu held.
func (f *fakeRecommender) change() {
	f.version++
	close(f.changed)
	f.changed = make(chan struct{})
}

// ended is called with mu held.
func (f *fakeRecommender) ended(userID, generation int64) bool {
	return generation != 0 && generation <= f.forgotten[userID]
}

func (f *fakeRecommender) History(_ context.Context, q recommend.HistoryQuery) (recommend.History, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asks++
	f.minVersion = q.MinVersion
	if err := cmp.Or(f.historyErr, f.storeErr); err != nil {
		return recommend.History{}, err
	}
	if f.ended(q.UserID, q.Generation) {
		return recommend.History{}, recommend.ErrForgotten
	}
	return recommend.History{Entries: slices.Clone(f.histories[q.UserID]), Version: f.version}, nil
}

// Reader knows ann@example.org, who is reader 42, and adds others.
func (f *fakeRecommender) Reader(_ context.Context, externalID string, add bool) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.storeErr != nil:
		return 0, f.storeErr
	case externalID == "ann@example.org":
		return 42, nil
	case strings.ContainsAny(externalID[:1], "+-0"):
		return 0, &recommend.FieldError{Field: "external_id", Reason: "is a number with zeros or a sign before it"}
	case f.added[externalID] == 0 && add:
		f.added[externalID] = firstAdded + int64(len(f.added))
	}
	return f.added[externalID], nil
}

// firstAdded is the number of the first reader that fakeRecommender adds.
const firstAdded = 1 << 51

func (f *fakeRecommender) Forget(_ context.Context, userID, generation int64) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.storeErr != nil {
		return 0, f.storeErr
	}
	if f.ended(userID, generation) {
		return f.version, nil
	}
	f.forgotten[userID]++
	delete(f.histories, userID)
	f.cause = recommend.Interaction{}
	f.change()
	return f.version, nil
}

func (f *fakeRecommender) Follow(ctx context.Context, q recommend.FollowQuery, show func(recommend.Change) error, ended func(error)) {
	go func() {
		defer func() {
			if p := recover(); p != nil {
				ended(telemetry.NewPanic(p))
			}
		}()
		ended(f.follow(ctx, q, show))
	}()
}

func (f *fakeRecommender) follow(ctx context.Context, q recommend.FollowQuery, show func(recommend.Change) error) error {
	f.mu.Lock()
	f.follows = append(f.follows, q)
	f.mu.Unlock()
	for seen := q.After; ; {
		f.mu.Lock()
		changed, version, cause, ended := f.changed, f.version, f.cause, f.ended(q.UserID, q.Generation)
		shelf := f.answer(q.Category, cause.BookID, q.MaxResults)
		var entry recommend.Entry
		for _, e := range f.histories[q.UserID] {
			if e.BookID == cause.BookID {
				entry = e
			}
		}
		f.mu.Unlock()
		if ended {
			return recommend.ErrForgotten
		}
		if version != seen || seen == 0 {
			title := ""
			if b, err := f.books.Book(cause.BookID); err == nil {
				title = b.Title
			}
			shelf.Version = version
			if err := show(recommend.Change{Shelf: shelf, CauseID: cause.BookID, CauseTitle: title, Entry: entry}); err != nil {
				return err
			}
			seen = version
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// set changes the fake while it is in use.
func (f *fakeRecommender) set(change func(*fakeRecommender)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

// history returns the history of a reader.
func (f *fakeRecommender) history(userID int64) []recommend.Entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.histories[userID])
}

// Why returns the books of the history that are liked and not dismissed.
func (f *fakeRecommender) Why(_ context.Context, _ int64, q recommend.Query) ([]recommend.Reason, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.query = q
	if f.storeErr != nil {
		return nil, f.storeErr
	}
	var reasons []recommend.Reason
	for _, e := range f.histories[q.UserID] {
		if e.Own() && !e.Dismissed {
			reasons = append(reasons, recommend.Reason{BookID: e.BookID})
		}
	}
	return reasons[:min(3, len(reasons))], nil
}

func (f *fakeRecommender) Similar(_ context.Context, book catalog.Book, q recommend.Query) recommend.Shelf {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.query, f.most = q, q.MaxResults
	shelf := f.answer(book.Categories[0], book.ID, q.MaxResults)
	shelf.Items = slices.DeleteFunc(shelf.Items, func(i recommend.Item) bool {
		return slices.ContainsFunc(f.histories[q.UserID], func(e recommend.Entry) bool { return e.BookID == i.BookID && e.Dismissed })
	})
	return shelf
}

func (f *fakeRecommender) answer(category string, except int64, most int) recommend.Shelf {
	if f.panics {
		panic("secret of the recommender at 10.1.2.3")
	}
	shelf := recommend.Shelf{Source: f.source, Version: f.version, Cause: f.why}
	if f.source != recommend.Fallback {
		shelf.ServedBy = "replica-1"
	}
	for i, b := range f.books.Bestsellers(category, most) {
		if b.ID == except {
			continue
		}
		item := recommend.Item{BookID: b.ID, Title: b.Title, Author: b.Author, Categories: b.Categories, Score: float64(most - i)}
		if f.source == recommend.Similar && len(shelf.Items) >= f.close {
			item.Score = 0
		}
		if f.source == recommend.Personal {
			item.BecauseID, item.BecauseTitle = 1, "The Hobbit"
		}
		shelf.Items = append(shelf.Items, item)
	}
	return shelf
}

// asked returns the last query for a shelf.
func (f *fakeRecommender) asked() (readerID int64, category string, most int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.query.UserID, f.query.Category, f.most
}

// testShop is a shop on a real socket. All its API responses are checked against the
// OpenAPI file.
type testShop struct {
	t           *testing.T
	url         string
	handler     http.Handler
	client      *http.Client // keeps cookies, follows no redirects
	recommender *fakeRecommender
	registry    *prometheus.Registry
	spans       *tracetest.InMemoryExporter
	log         *logLines
	busy        sync.WaitGroup // requests without live shelves
}

// counted lets do wait until a handler has returned: it logs and measures after the
// client has the response.
func (s *testShop) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != page.EventsPath {
			s.busy.Add(1)
			defer s.busy.Done()
		}
		next.ServeHTTP(w, r)
	})
}

func newTestShop(t *testing.T, contents catalog.Contents, change ...func(*Config)) *testShop {
	t.Helper()
	s := newQuietShop(t, contents, change...)
	s.t = t
	server := httptest.NewServer(s.counted(theContract(t).wrap(t, s.handler)))
	t.Cleanup(server.Close)
	s.url, s.client = server.URL, server.Client()
	s.client.Jar, _ = cookiejar.New(nil) // never fails
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return s
}

// newQuietShop returns a shop without a server.
func newQuietShop(tb testing.TB, contents catalog.Contents, change ...func(*Config)) *testShop {
	tb.Helper()
	books := catalog.New()
	if len(contents.Books) > 0 {
		if err := books.Replace(contents); err != nil {
			tb.Fatal(err)
		}
	}
	s := &testShop{
		recommender: &fakeRecommender{
			books: books, source: recommend.Popular, stored: map[string]recommend.Interaction{},
			histories: map[int64][]recommend.Entry{}, forgotten: map[int64]int64{}, added: map[string]int64{}, changed: make(chan struct{}),
		},
		registry: prometheus.NewRegistry(), spans: tracetest.NewInMemoryExporter(), log: &logLines{},
	}
	cfg := Config{
		Face: storefront.Default(), Catalog: books, Recommender: s.recommender, CookieKeys: signed.Keys{bytes.Repeat([]byte{7}, signed.MinKey)}, MaxStreams: 2,
		API: gate(tb, apitoken.Config{Open: true}),
		Log: s.log.logger(), Registry: s.registry, Propagator: propagation.TraceContext{},
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSyncer(s.spans)),
	}
	for _, c := range change {
		c(&cfg)
	}
	var err error
	if s.handler, err = New(cfg); err != nil {
		tb.Fatal(err)
	}
	return s
}

// gate returns who may use the API.
func gate(tb testing.TB, cfg apitoken.Config) *apitoken.Gate {
	tb.Helper()
	g, err := apitoken.NewGate(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

// requireToken makes the API of a shop require the token "the-token".
func requireToken(c *Config) {
	c.API, _ = apitoken.NewGate(apitoken.Config{Token: "the-token"}) // never fails without a file
}

// testCookie is the reader's cookie of all test shops.
func testCookie() signed.IdentityCookie {
	return signed.NewIdentityCookie(signed.Keys{bytes.Repeat([]byte{7}, signed.MinKey)}, signed.Scope{}, false)
}

// cookieOf returns the Cookie header of a browser with an identity.
func cookieOf(c signed.IdentityCookie, id signed.Identity) string {
	rec := httptest.NewRecorder()
	c.Write(rec, id)
	value, _, _ := strings.Cut(rec.Header().Get("Set-Cookie"), ";")
	return value
}

// identityOf returns the identity in a Cookie header.
func identityOf(c signed.IdentityCookie, header string) (signed.Identity, bool) {
	id, _, ok := c.Read(&http.Request{Header: http.Header{"Cookie": {header}}})
	return id, ok
}

// answer is a response and its body.
type answer struct {
	*http.Response
	body string
}

// do sends a request; headers are names and values in turn.
func (s *testShop) do(method, path, body string, headers ...string) answer {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	req.Host = req.Header.Get("Host") // "" for that of the URL
	resp, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	s.busy.Wait()
	return answer{resp, string(content)}
}

func (s *testShop) get(path string, headers ...string) answer {
	s.t.Helper()
	return s.do(http.MethodGet, path, "", headers...)
}

// switchTo posts the form that changes the reader.
func (s *testShop) switchTo(reader, back string) answer {
	s.t.Helper()
	form := url.Values{"reader": {reader}, "return": {back}}
	return s.do(http.MethodPost, "/reader", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

const formType = "application/x-www-form-urlencoded"

// act posts the form of a book.
func (s *testShop) act(book, do string, headers ...string) answer {
	s.t.Helper()
	form := url.Values{"book": {book}, "do": {do}, "return": {"/books?page=2#book-" + book}}
	return s.do(http.MethodPost, "/interactions", form.Encode(), append([]string{"Content-Type", formType}, headers...)...)
}

// own visits the shop and returns the id of the browser's own reader. A browser without a
// cookie gets one.
func (s *testShop) own() int64 {
	s.t.Helper()
	s.get("/")
	id, _, _ := s.recommender.asked()
	if id == signed.Nobody {
		s.switchTo("7", "/").want(s.t, http.StatusTemporaryRedirect) // which is not followed
		return s.own()
	}
	return id
}

// at returns how a page names a version of the browser's own history.
func (s *testShop) at(version int64) string {
	s.t.Helper()
	return signed.NewVersionCookie(signed.Keys{bytes.Repeat([]byte{7}, signed.MinKey)}, signed.Scope{}).Encode(s.own(), version)
}

// want fails the test unless the response has the status and its body all the texts.
func (a answer) want(t *testing.T, status int, texts ...string) answer {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("%s %.200s: status %d, want %d\n%.300s", a.Request.Method, a.Request.URL, a.StatusCode, status, a.body)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			t.Errorf("%s %.200s: no %q in\n%s", a.Request.Method, a.Request.URL, text, a.body)
		}
	}
	return a
}

// without fails the test if one of the texts is in the body.
func (a answer) without(t *testing.T, texts ...string) answer {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(a.body, text) {
			t.Errorf("%s %.200s: there is %q in\n%s", a.Request.Method, a.Request.URL, text, a.body)
		}
	}
	return a
}

// decode reads the body as JSON.
func decode[T any](t *testing.T, a answer) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return v
}

// logLines keeps the log, one JSON object per line.
type logLines struct {
	mu    sync.Mutex
	lines []string
}

func (l *logLines) logger() logr.Logger {
	return funcr.NewJSON(func(line string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.lines = append(l.lines, line)
	}, funcr.Options{})
}

// with returns the lines that contain a text.
func (l *logLines) with(text string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
	for _, line := range l.lines {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}
