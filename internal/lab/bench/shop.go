package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"bookstall/internal/lab/fleet"
)

// once follows the name of a contender whose client makes a connection for each request.
const once = ", a connection a request"

// measureJSON compares the JSON API through the shop with net/http alone that asks grpc-go
// alone, with the same bytes in the end.
func (b *bench) measureJSON(ctx context.Context) (s section, err error) {
	const (
		pair = "net/http and grpc-go alone"
		shop = "shop and replica"
	)
	s = newSection("json", "the JSON API, 3 books, beside net/http and grpc-go alone with the same answers")
	r, err := b.newRig()
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	ours, shopURL, back, address, err := r.shopAndReplica()
	if err != nil {
		return s, err
	}
	bare, bareAddress, err := r.contender(bareGRPC, []string{"--ask=" + address, "--books=3"}, nil)
	if err != nil {
		return s, err
	}
	front, frontAddress, err := r.contender(bareFront, []string{"--ask=" + bareAddress}, nil)
	if err != nil {
		return s, err
	}
	path := func(n int64) string {
		return fmt.Sprintf("/api/v1/recommendations?user_id=%d&max_results=3", 1+n%readers)
	}
	frontURL := "http://" + frontAddress
	if err := sameBytes(ctx, path, shopURL, frontURL); err != nil {
		return s, err
	}
	alone, whole := []*fleet.Process{front, bare}, []*fleet.Process{ours, back}
	kept := []contender{{pair, "", alone, r.get(frontURL, true, path)}, {shop, "", whole, r.get(shopURL, true, path)}}
	if err := s.closedAndOpen(ctx, b.turns, kept); err != nil {
		return s, err
	}
	fresh := []contender{{pair + once, "", alone, r.get(frontURL, false, path)}, {shop + once, "", whole, r.get(shopURL, false, path)}}
	if err := s.closedAndOpen(ctx, b.turns, fresh); err != nil {
		return s, err
	}
	s.claimRatios(find(s.Rows, shop, aimed), "JSON, 64 at a time, connections kept", 0.65, 1.7)
	s.claimRatios(find(s.Rows, shop+once, aimed), "JSON, 64 at a time, a connection a request", 0.70, 1.6)
	return s, noFallback(ours)
}

// shopAndReplica starts a replica and a shop before it.
func (r *rig) shopAndReplica() (shop *fleet.Process, shopURL string, back *fleet.Process, address string, err error) {
	if back, address, err = r.replica(nil, nil); err != nil {
		return nil, "", nil, "", err
	}
	shop, shopURL, err = r.shop(address)
	return shop, shopURL, back, address, err
}

// measurePages compares pages with net/http alone that sends the same bytes: no program that
// makes pages can do with less.
func (b *bench) measurePages(ctx context.Context) (s section, err error) {
	s = newSection("pages", "pages, 64 at a time, connections kept, beside net/http alone that sends the same bytes")
	r, err := b.newRig()
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	ours, shopURL, back, _, err := r.shopAndReplica()
	if err != nil {
		return s, err
	}
	bare, bareAddress, err := r.contender(bareHTTP, []string{"--ask=" + strings.TrimPrefix(shopURL, "http://")}, nil)
	if err != nil {
		return s, err
	}
	books, err := someBooks(ctx, shopURL)
	if err != nil {
		return s, err
	}
	for _, page := range []struct {
		name string
		path func(n int64) string
	}{
		{"front page", func(int64) string { return "/" }},
		{"page of a book", func(n int64) string { return fmt.Sprintf("/books/%d", books[n%int64(len(books))].ID) }},
		{"search", func(n int64) string { return "/search?q=" + url.QueryEscape(books[n%int64(len(books))].Title) }},
	} {
		client := &http.Client{Timeout: askTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
		body, err := fetch(ctx, client, shopURL+page.path(0))
		if err != nil {
			return s, err
		}
		name := fmt.Sprintf("%s, %.0f kB", page.name, float64(len(body))/1e3)
		rows, err := b.turns.closed(ctx, aimed, []contender{
			{name + ": net/http alone", "", []*fleet.Process{bare}, r.get("http://"+bareAddress, true, page.path)},
			{name, "", []*fleet.Process{ours, back}, r.get(shopURL, true, page.path)},
		})
		if err != nil {
			return s, err
		}
		s.Rows = append(s.Rows, rows...)
	}
	return s, noFallback(ours)
}

type book struct {
	ID    int64  `json:"id"`
	Title string `json:"title"`
}

// someBooks returns the first books of the catalogue.
func someBooks(ctx context.Context, shop string) ([]book, error) {
	body, err := fetch(ctx, &http.Client{Timeout: askTimeout, Transport: &http.Transport{DisableKeepAlives: true}}, shop+"/api/v1/books?page_size=100")
	if err != nil {
		return nil, err
	}
	var list struct {
		Books []book `json:"books"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, err
	}
	if len(list.Books) == 0 {
		return nil, errors.New("the shop has no books")
	}
	return list.Books, nil
}
