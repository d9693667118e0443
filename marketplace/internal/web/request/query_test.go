package request

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/web/problem"
)

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
	read := func(query string) (parameters, *Query) {
		q := NewQuery(&http.Request{URL: &url.URL{RawQuery: query}}, names...)
		return parameters{
			q.ID("user_id", q.Value("user_id")), q.MinVersion(),
			q.MaxResults(), q.Count("page_size", 1, 100, 20), q.Category(books), q.Text("q"),
		}, q
	}
	f.Fuzz(func(t *testing.T, query string) {
		got, q := read(query)
		if q.Err() != nil {
			checkFaults(t, q.list, append(slices.Clone(names), "query"))
			return
		}
		if got.ID < 1 || got.Version < 0 || got.Results < 1 || got.Results > 100 || got.Size < 1 || got.Size > 100 ||
			got.Category != "" && !books.HasCategory(got.Category) || !utf8.ValidString(got.Text) || utf8.RuneCountInString(got.Text) > MaxText {
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
