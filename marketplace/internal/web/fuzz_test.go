package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/signed"
	"bookstall/marketplace/internal/web/api"
	"bookstall/marketplace/internal/web/page"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/request"
)

// checkFaults checks that each fault has a field and a reason, and that names made up
// by the caller are shortened.
func checkFaults(t *testing.T, faults problem.Invalid, names []string) {
	t.Helper()
	for _, fault := range faults {
		unknown := strings.HasPrefix(fault.Reason, "is not known here")
		if !unknown && !slices.Contains(names, fault.Field) {
			t.Errorf("%q is no field: %s", fault.Field, fault.Reason)
		}
		if !utf8.ValidString(fault.Field) || utf8.RuneCountInString(fault.Field) > 65 || fault.Reason == "" || len(fault.Reason) > 300 {
			t.Errorf("%+v", fault)
		}
	}
}

// FuzzQuery reads any query: accepted parameters are in range and survive encoding, and
// each refused one has a short reason.
func FuzzQuery(f *testing.F) {
	f.Add("user_id=1&max_results=100&min_version=9223372036854775807&category=fantasy&q=a+b&page_size=1")
	f.Add("user_id=0&max_results=101&min_version=-1&category=none&q=%ff&page_size=0")
	f.Add("user_id=+1&user_id=1&%zz&;&=x&more=1")
	f.Add("user_id=007&max_results=0&page_size=" + strings.Repeat("9", 30) + "&q=" + strings.Repeat("%C3%A9", 201))
	f.Add(strings.Repeat("\xff", 70) + "=1")
	books := catalog.New()
	if err := books.Replace(catalog.Contents{Version: "v1", Books: []catalog.Book{{ID: 1, Title: "The Hobbit", Author: "J.R.R. Tolkien", Categories: []string{"fantasy"}, Popularity: 1}}}); err != nil {
		f.Fatal(err)
	}
	type parameters struct {
		ID, Version    int64
		Results, Size  int
		Category, Text string
	}
	names := []string{"user_id", "max_results", "min_version", "category", "q", "page_size"}
	read := func(query string) (parameters, *request.Query) {
		q := request.NewQuery(&http.Request{URL: &url.URL{RawQuery: query}}, names...)
		return parameters{
			q.ID("user_id", q.Value("user_id")), q.MinVersion(),
			q.MaxResults(), q.Count("page_size", 1, 100, 20), q.Category(books), q.Text("q"),
		}, q
	}
	f.Fuzz(func(t *testing.T, query string) {
		got, q := read(query)
		if err := q.Err(); err != nil {
			var faults problem.Invalid
			if !errors.As(err, &faults) {
				t.Fatalf("%q: %v", query, err)
			}
			checkFaults(t, faults, append(slices.Clone(names), "query"))
			return
		}
		if got.ID < 1 || got.Version < 0 || got.Results < 1 || got.Results > 100 || got.Size < 1 || got.Size > 100 ||
			got.Category != "" && !books.HasCategory(got.Category) || !utf8.ValidString(got.Text) || utf8.RuneCountInString(got.Text) > request.MaxText {
			t.Errorf("%q is read as %+v", query, got)
		}
		again, q := read(url.Values{
			"user_id": {fmt.Sprint(got.ID)}, "min_version": {fmt.Sprint(got.Version)}, "max_results": {fmt.Sprint(got.Results)},
			"page_size": {fmt.Sprint(got.Size)}, "category": {got.Category}, "q": {got.Text},
		}.Encode())
		if diff := cmp.Diff(got, again); diff != "" || q.Err() != nil {
			t.Errorf("%q: encoded again it differs (%v):\n%s", query, q.Err(), diff)
		}
	})
}

// again resets the shop for the next request.
func (s *testShop) again() {
	s.recommender.set(func(f *fakeRecommender) {
		clear(f.stored)
		clear(f.histories)
		f.version = 0
	})
	s.spans.Reset()
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.lines = nil
}

// answerTo answers a request, and fails the test on a 5xx status.
func (s *testShop) answerTo(t *testing.T, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	rec := httptest.NewRecorder()
	s.handler.ServeHTTP(rec, r)
	if rec.Code >= 500 || len(s.log.with("panic")) > 0 {
		t.Fatalf("%s %s: %d %s %q", r.Method, r.URL, rec.Code, rec.Body, s.log.with("panic"))
	}
	for name, values := range rec.Header() {
		if strings.ContainsAny(strings.Join(values, ""), "\r\n\x00") {
			t.Errorf("header %s: %q", name, values)
		}
	}
	return rec
}

// recorded returns the interactions that reached the recommender, and checks that they
// are valid.
func (s *testShop) recorded(t *testing.T) (list []recommend.Interaction) {
	t.Helper()
	s.recommender.set(func(f *fakeRecommender) {
		for _, i := range f.stored {
			list = append(list, i)
		}
	})
	for _, i := range list {
		stars := i.Rating == 0
		if i.Kind == recommend.Rating {
			stars = i.Rating >= 1 && i.Rating <= 5
		}
		if i.UserID < 1 || i.BookID < 1 || !slices.Contains(recommend.Kinds(), i.Kind) || !stars || request.InteractionIDFault(i.ID) != "" {
			t.Errorf("invalid interaction: %+v", i)
		}
	}
	return list
}

// FuzzJSONBody posts any body: the stored interaction is what encoding/json reads from
// the body, and the same body with an id is stored only once.
func FuzzJSONBody(f *testing.F) {
	f.Add([]byte(`{"user_id":7,"book_id":1,"kind":"rating","rating":5,"id":"a-1"}`))
	f.Add([]byte(`{"user_id":7,"book_id":1,"kind":"like"}`))
	f.Add([]byte(`{"user_id":1e3,"book_id":"1","kind":null,"rating":-0,"id":"","id":"x","Kind":"like"}`))
	f.Add([]byte(`{"user_id":0,"book_id":9223372036854775808,"kind":"lo\u0000ve","id":"a b"} {}`))
	f.Add([]byte("{\"user_id\":7,\"book_id\":1,\"kind\":\"view\",\"rating\":0,\"\xff\":{\"a\":[" + strings.Repeat("[", 50)))
	f.Add([]byte(`{"user_id":7,"book_id":999,"kind":"purchase","id":"\u0041\/~"}`))
	check, s := theContract(f), newQuietShop(f, fewBooks())
	post := func(t *testing.T, body []byte) *httptest.ResponseRecorder {
		t.Helper()
		r := httptest.NewRequest(http.MethodPost, "/api/v1/interactions", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json; charset=utf-8")
		rec := s.answerTo(t, r)
		if err := check.check(r, rec); err != nil {
			t.Errorf("%q: %d %s: %v", body, rec.Code, rec.Body, err)
		}
		return rec
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s.again()
		rec := post(t, body)
		stored := s.recorded(t)
		if (rec.Code == http.StatusCreated) != (len(stored) == 1) {
			t.Fatalf("%q: %d with %d stored", body, rec.Code, len(stored))
		}
		if rec.Code == http.StatusBadRequest {
			var told api.Problem
			if err := json.Unmarshal(rec.Body.Bytes(), &told); err != nil || len(told.Errors) == 0 {
				t.Errorf("%q: %s (%v)", body, rec.Body, err)
			}
			checkFaults(t, told.Errors, []string{"user_id", "book_id", "kind", "rating", "id", "body"})
		}
		if len(stored) == 0 {
			return
		}
		var given struct {
			UserID int64  `json:"user_id"`
			BookID int64  `json:"book_id"`
			Kind   string `json:"kind"`
			Rating int    `json:"rating"`
			ID     string `json:"id"`
		}
		if err := json.Unmarshal(body, &given); err != nil {
			t.Fatalf("%q is accepted, but is no JSON: %v", body, err)
		}
		i := stored[0]
		if i.UserID != given.UserID || i.BookID != given.BookID || string(i.Kind) != given.Kind || i.Rating != given.Rating || given.ID != "" && given.ID != i.ID {
			t.Errorf("%q is read as %+v", body, i)
		}
		if given.ID != "" {
			if rec = post(t, body); rec.Code != http.StatusOK || len(s.recorded(t)) != 1 {
				t.Errorf("%q again: %d %s", body, rec.Code, rec.Body)
			}
		}
	})
}

// FuzzForms posts any body to the forms as a visitor: interactions and cookies stay the
// visitor's own, and redirects stay in the shop.
func FuzzForms(f *testing.F) {
	forms := []string{page.InteractionsPath, page.ReaderPath, page.ForgetPath}
	f.Add(uint8(0), "book=1&do=rating-5&return=/books%3Fpage=2%23book-1&id=a-1&widget=whole", formType, "application/json")
	f.Add(uint8(0), "book=1&do=rating-6&do=like&id=a b&return=//evil.test", formType, "")
	f.Add(uint8(0), "book=%2B1&do=rating-00000000000000000005&return=%0d%0aSet-Cookie:a=b", formType, "text/html")
	f.Add(uint8(1), "reader=7&return=%5C%5Cevil.test", formType, "")
	f.Add(uint8(1), "reader=self;&%zz", formType, "")
	f.Add(uint8(1), "--x\r\nContent-Disposition: form-data; name=\"reader\"\r\n\r\n7\r\n--x--", "multipart/form-data; boundary=x", "")
	f.Add(uint8(2), "sure=yes", formType, "")
	s, cookie := newQuietShop(f, fewBooks()), testCookie()
	own := signed.Identity{Own: signed.FirstVisitor + 1, Generation: 1}
	here, _ := url.Parse("http://shop.test/here")
	f.Fuzz(func(t *testing.T, form uint8, body, contentType, accept string) {
		s.again()
		r := httptest.NewRequest(http.MethodPost, forms[int(form)%len(forms)], strings.NewReader(body))
		r.Header = http.Header{"Content-Type": {contentType}, "Accept": {accept}, "Cookie": {cookieOf(cookie, own)}}
		rec := s.answerTo(t, r)
		for _, i := range s.recorded(t) {
			if i.UserID != own.Own {
				t.Errorf("%q makes visitor %d do %+v", body, own.Own, i)
			}
		}
		if led, err := here.Parse(rec.Header().Get("Location")); err != nil || led.Host != "shop.test" || led.Scheme != "http" {
			t.Errorf("%q leads to %v (%v)", body, led, err)
		}
		for _, set := range rec.Result().Cookies() {
			if id, ok := identityOf(cookie, set.Name+"="+set.Value); set.Name == "visitor" && set.MaxAge > 0 && (!ok || id.Own != own.Own || id.Acting != 0 && id.Acting != 7 && id.Acting != 9) {
				t.Errorf("%q sets the cookie %v", body, set)
			}
		}
	})
}

// FuzzHeaders sends any headers: only valid ones are used, and the log has one line for
// the request.
func FuzzHeaders(f *testing.F) {
	cookie, own := testCookie(), signed.Identity{Own: signed.FirstVisitor + 1, Generation: 1, Acting: 7}
	good := cookieOf(cookie, own)
	f.Add("request-1", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", good, "5", "Bearer x")
	f.Add("a\r\nb", "ff-", "visitor=forged; "+good+"; version=5.AAAA", "-9223372036854775809", "")
	f.Add("\"quoted\"\n", "00-00000000000000000000000000000000-0000000000000000-00", "=;;;\x00visitor=\"", "1e3", "bearer ")
	f.Add(strings.Repeat("x", 129), "", "__Host-"+good, "\xff", "Basic")
	s := newQuietShop(f, fewBooks())
	f.Fuzz(func(t *testing.T, requestID, traceparent, cookies, lastEvent, authorization string) {
		s.again()
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Header = http.Header{
			"X-Request-Id": {requestID}, "Traceparent": {traceparent}, "Cookie": {cookies},
			"Last-Event-Id": {lastEvent}, "Authorization": {authorization},
		}
		rec := s.answerTo(t, r)
		id := rec.Header().Get(telemetry.RequestIDHeader)
		if !telemetry.ValidRequestID(id) || telemetry.ValidRequestID(requestID) && id != requestID {
			t.Errorf("request id %q is answered with %q", requestID, id)
		}
		if lines := s.log.with(strconv.Quote(id)); len(lines) != 1 || !json.Valid([]byte(lines[0])) {
			t.Errorf("%q: the log has %q", requestID, lines)
		}
		who, renew, known := cookie.Read(r)
		asked, _, _ := s.recommender.asked()
		want := asked == signed.Nobody
		if known {
			want = asked == who.Own || asked == who.Acting
			if who != own { // the only one that was ever signed
				t.Errorf("cookies %q are read as %+v", cookies, who)
			}
		}
		if rec.Code != http.StatusOK || !want || (known && renew) != (rec.Header().Get("Set-Cookie") != "") {
			t.Errorf("cookies %q: %d, reader %d, set %q", cookies, rec.Code, asked, rec.Header().Get("Set-Cookie"))
		}
	})
}
