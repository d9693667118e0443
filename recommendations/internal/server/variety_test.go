package server

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/recommendations/internal/domain"
)

// variedLibrary has readers of fantasy by one author, other authors and categories, and new books.
func variedLibrary() *domain.Library {
	lib := &domain.Library{Catalog: domain.Catalog{Version: "v1"}}
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 60 {
		b := domain.Book{ID: int64(i + 1), Title: fmt.Sprintf("Book %d", i+1), Author: "Prolific", Categories: []string{"fantasy"}, Popularity: int64(100 - i)}
		if i >= 20 {
			b.Author, b.Categories = fmt.Sprintf("Author %d", i/2), []string{[]string{"fantasy", "romance", "poetry"}[i%3]}
		}
		if i >= 55 {
			b.Popularity, b.Added = 0, began.AddDate(0, i, 0)
		}
		lib.Books = append(lib.Books, b)
	}
	for user := int64(1); user <= 30; user++ {
		for b := int64(1); b <= 20; b++ {
			if (user+b)%4 != 0 {
				lib.Ratings = append(lib.Ratings, domain.Rating{UserID: user, BookID: b, Stars: 5})
			}
		}
	}
	return lib
}

// A shelf with variety keeps its rules and is full; the live shelf is the same, and without
// variety the order is that of the scores, as before.
func TestVariety(t *testing.T) {
	lib := variedLibrary()
	api := serve(t, lib)
	const reader = 3
	since := timestamppb.New(lib.Books[57].Added)
	for _, test := range []struct {
		variety   recommendationsv1.Variety
		perAuthor int
		outside   int
	}{
		{recommendationsv1.Variety_VARIETY_CLOSE, 2, 1}, {recommendationsv1.Variety_VARIETY_BALANCED, 2, 2}, {recommendationsv1.Variety_VARIETY_FAR, 1, 4},
	} {
		resp, err := api.Recommend(within(t), &recommendationsv1.RecommendRequest{UserId: reader, MaxResults: 13, Variety: test.variety, NewSince: since})
		if err != nil {
			t.Fatal(err)
		}
		byAuthor, outside, fresh := map[string]int{}, 0, 0
		for _, r := range resp.GetRecommendations()[:12] {
			byAuthor[r.GetAuthor()]++
			if !slices.Contains(r.GetCategories(), "fantasy") {
				outside++
			}
			if r.GetBookId() >= 58 {
				fresh++
			}
		}
		for author, n := range byAuthor {
			if n > test.perAuthor {
				t.Errorf("%v: %d books by %s", test.variety, n, author)
			}
		}
		if outside < test.outside || fresh == 0 || len(resp.GetRecommendations()) != 13 {
			t.Errorf("%v: %d from outside, %d new, %d in all", test.variety, outside, fresh, len(resp.GetRecommendations()))
		}
		stream := followUp(t, api, &recommendationsv1.FollowStart{UserId: reader, MaxResults: 13, Variety: test.variety, NewSince: since})
		live := receive(t, stream).GetShelf().GetRecommendations()
		if !slices.EqualFunc(live, resp.GetRecommendations(), func(a, b *recommendationsv1.Recommendation) bool { return a.GetBookId() == b.GetBookId() }) {
			t.Errorf("%v: the live shelf is\n%v\nnot\n%v", test.variety, live, resp.GetRecommendations())
		}
		// A reason of the shelf is the first that "why" gives.
		for _, r := range resp.GetRecommendations() {
			why, err := api.Recommend(within(t), &recommendationsv1.RecommendRequest{UserId: reader, WhyBookId: r.GetBookId(), Variety: test.variety})
			if err != nil {
				t.Fatal(err)
			}
			if because := why.GetRecommendations()[0].GetBecause(); because.GetBookId() != r.GetBecause().GetBookId() {
				t.Errorf("%v: book %d is there because of %v, and asked why, of %v", test.variety, r.GetBookId(), r.GetBecause(), because)
			}
		}
	}
	plain, err := api.Recommend(within(t), &recommendationsv1.RecommendRequest{UserId: reader, MaxResults: 13, NewSince: since})
	if err != nil || !slices.IsSortedFunc(plain.GetRecommendations(), func(a, b *recommendationsv1.Recommendation) int {
		return int(max(-1, min(1, 1e9*(b.GetScore()-a.GetScore()))))
	}) {
		t.Errorf("without variety: %v, %v", plain.GetRecommendations(), err)
	}
	for _, wrong := range []*recommendationsv1.RecommendRequest{
		{UserId: reader, Variety: 4}, {UserId: reader, Variety: -1}, {UserId: reader, NewSince: &timestamppb.Timestamp{Nanos: -1}},
	} {
		if _, err := api.Recommend(within(t), wrong); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%v: %v", wrong, err)
		}
	}
}

// A shelf with variety fills anew when books leave it, and keeps its rules.
func TestAVariedShelfFillsAnew(t *testing.T) {
	lib := variedLibrary()
	api := rememberIn(t, filepath.Join(t.TempDir(), "test.db"), lib, time.Minute)
	const reader, books = 3, 12
	request := &recommendationsv1.RecommendRequest{
		UserId: reader, MaxResults: books, Variety: recommendationsv1.Variety_VARIETY_FAR, NewSince: timestamppb.New(lib.Books[57].Added),
	}
	gone := map[int64]bool{}
	for range 10 {
		resp, err := api.Recommend(within(t), request)
		if err != nil {
			t.Fatal(err)
		}
		authors := map[string]bool{}
		for _, r := range resp.GetRecommendations() {
			if gone[r.GetBookId()] {
				t.Errorf("book %d came back", r.GetBookId())
			}
			authors[r.GetAuthor()] = true
		}
		if len(authors) != books {
			t.Fatalf("without %v: %d authors, want %d books by one each: %v", gone, len(authors), books, resp.GetRecommendations())
		}
		unwanted := resp.GetRecommendations()[len(gone)%books].GetBookId()
		gone[unwanted] = true
		stored, err := recordAll(t, api, did(fmt.Sprint("not-for-me-", unwanted), reader, unwanted, recommendationsv1.InteractionKind_INTERACTION_KIND_DISMISS, 0))
		if err != nil {
			t.Fatal(err)
		}
		request.MinVersion = stored.GetVersion()
	}
}
