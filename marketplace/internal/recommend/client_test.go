package recommend

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/marketplace/internal/catalog"
)

// stocked returns a client whose catalogue has three books in two categories.
func stocked(t *testing.T, f *fake) *Client {
	t.Helper()
	c, _ := connect(t, f, "")
	if err := c.catalog.Replace(catalog.Contents{Version: "v1", Books: []catalog.Book{
		{ID: 1, Title: "One", Author: "A", Categories: []string{"fantasy"}, Popularity: 30},
		{ID: 2, Title: "Two", Author: "B", Categories: []string{"romance", "fantasy"}, Popularity: 20},
		{ID: 3, Title: "Three", Author: "C", Categories: []string{"fantasy"}, Popularity: 10},
	}}); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestShelf(t *testing.T) {
	c := stocked(t, &fake{recommend: func(_ context.Context, req *recommendationsv1.RecommendRequest) (*recommendationsv1.RecommendResponse, error) {
		if req.GetUserId() != 7 || req.GetCategory() != "fantasy" || req.GetMaxResults() != 5 {
			return nil, status.Error(codes.Internal, "unexpected request")
		}
		return &recommendationsv1.RecommendResponse{
			Source: recommendationsv1.Source_SOURCE_PERSONAL, ServedBy: "replica-2", CatalogVersion: "v1", ReaderVersion: 9,
			Recommendations: []*recommendationsv1.Recommendation{{
				BookId: 3, Title: "Three", Author: "C", Categories: []string{"fantasy"}, Score: 0.5,
				Because: &recommendationsv1.Because{BookId: 1, Title: "One"},
			}},
		}, nil
	}})
	got := c.Shelf(t.Context(), Query{UserID: 7, Category: "fantasy", MaxResults: 5})
	want := Shelf{Source: Personal, ServedBy: "replica-2", Version: 9, Items: []Item{{
		BookID: 3, Title: "Three", Author: "C", Categories: []string{"fantasy"}, Score: 0.5, BecauseID: 1, BecauseTitle: "One",
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Shelves and live shelves ask for the variety of the query, and with it for a new book, which
// is marked.
func TestAShelfWithVariety(t *testing.T) {
	came := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	check := func(v recommendationsv1.Variety, since *timestamppb.Timestamp) error {
		if v != recommendationsv1.Variety_VARIETY_FAR || !since.AsTime().Equal(came.AddDate(0, 0, -30)) {
			return status.Errorf(codes.Internal, "variety %v, since %v", v, since)
		}
		return nil
	}
	answer := []*recommendationsv1.Recommendation{{BookId: 1, Title: "One"}, {BookId: 2, Title: "Two"}}
	c, _ := connect(t, &fake{
		recommend: func(_ context.Context, req *recommendationsv1.RecommendRequest) (*recommendationsv1.RecommendResponse, error) {
			if req.GetUserId() == 8 { // without variety
				if req.GetVariety() != 0 || req.NewSince != nil {
					return nil, status.Error(codes.Internal, "unexpected variety")
				}
				return &recommendationsv1.RecommendResponse{ServedBy: "r"}, nil
			}
			return &recommendationsv1.RecommendResponse{ServedBy: "r", Recommendations: answer}, check(req.GetVariety(), req.GetNewSince())
		},
		follow: func(start *recommendationsv1.FollowStart, stream followStream) error {
			if err := check(start.GetVariety(), start.GetNewSince()); err != nil {
				return err
			}
			return stream.Send(&recommendationsv1.FollowResponse{Part: &recommendationsv1.FollowResponse_Shelf{
				Shelf: &recommendationsv1.FollowShelf{ServedBy: "r", Recommendations: answer},
			}})
		},
	}, "")
	c.catalog = catalog.New(catalog.WithNew(30 * 24 * time.Hour))
	if err := c.catalog.Replace(catalog.Contents{Version: "v1", Books: []catalog.Book{
		{ID: 1, Title: "One", Author: "A", Categories: []string{"fantasy"}}, {ID: 2, Title: "Two", Author: "B", Categories: []string{"fantasy"}, Added: came},
	}}); err != nil {
		t.Fatal(err)
	}
	isIt := func(s Shelf) bool { return s.ServedBy == "r" && len(s.Items) == 2 && !s.Items[0].New && s.Items[1].New }
	if got := c.Shelf(t.Context(), Query{UserID: 7, MaxResults: 2, Variety: Far}); !isIt(got) {
		t.Errorf("shelf %+v", got)
	}
	if got := c.Shelf(t.Context(), Query{UserID: 8, MaxResults: 2}); got.ServedBy != "r" {
		t.Errorf("without variety: %+v", got)
	}
	seen := errors.New("seen")
	if err := c.followed(t.Context(), FollowQuery{UserID: 7, MaxResults: 2, Variety: Far}, func(change Change) error {
		if !isIt(change.Shelf) {
			t.Errorf("live shelf %+v", change)
		}
		return seen
	}); !errors.Is(err, seen) {
		t.Error(err)
	}
}

// TestAnotherCatalogueIsNoShelf has a replica answer from a catalogue that gives the shop's
// ids to other books. The page must not offer those under titles that it shows elsewhere.
func TestAnotherCatalogueIsNoShelf(t *testing.T) {
	answer := func(version, title string) *fake {
		books := []*recommendationsv1.Recommendation{{BookId: 3, Title: title}, {BookId: 99, Title: "New"}}
		return &fake{
			recommend: func(context.Context, *recommendationsv1.RecommendRequest) (*recommendationsv1.RecommendResponse, error) {
				return &recommendationsv1.RecommendResponse{Source: recommendationsv1.Source_SOURCE_PERSONAL, CatalogVersion: version, Recommendations: books}, nil
			},
			similar: func(context.Context, *recommendationsv1.SimilarBooksRequest) (*recommendationsv1.SimilarBooksResponse, error) {
				return &recommendationsv1.SimilarBooksResponse{CatalogVersion: version, Recommendations: books}, nil
			},
		}
	}
	for _, tc := range []struct {
		version, title string
		wants          Source
	}{{"v2", "Cooking", Fallback}, {"v2", "Three", Personal}, {"v1", "Three", Personal}} {
		c := stocked(t, answer(tc.version, tc.title))
		got := c.Shelf(t.Context(), Query{UserID: 7, MaxResults: 2})
		if got.Source != tc.wants || tc.wants == Fallback && (!errors.Is(got.Cause, errMismatch) || got.Items[0].Title != "One") {
			t.Errorf("%s, %s: %+v, want %v", tc.version, tc.title, got, tc.wants)
		}
		if got := c.Similar(t.Context(), catalog.Book{ID: 2, Categories: []string{"fantasy"}}, Query{MaxResults: 2}); (got.Source == Fallback) != (tc.wants == Fallback) {
			t.Errorf("%s, %s: similar %+v, want fallback %v", tc.version, tc.title, got, tc.wants == Fallback)
		}
	}
}

func TestFailedCallsFallBackToBestsellers(t *testing.T) {
	for name, tc := range map[string]struct {
		err    error
		hang   bool
		reason string
		cause  error
	}{
		"away":       {err: status.Error(codes.Unavailable, "x"), reason: "unavailable"},
		"overloaded": {err: status.Error(codes.ResourceExhausted, "x"), reason: "overloaded", cause: ErrOverloaded},
		"broken":     {err: status.Error(codes.Internal, "x"), reason: "broken"},
		"refused":    {err: status.Error(codes.PermissionDenied, "x"), reason: "refused"},
		"mismatch":   {err: status.Error(codes.InvalidArgument, "x"), reason: "mismatch"},
		"slow":       {hang: true, reason: "timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			c := stocked(t, &fake{
				recommend: func(ctx context.Context, _ *recommendationsv1.RecommendRequest) (*recommendationsv1.RecommendResponse, error) {
					if tc.hang {
						<-ctx.Done()
						return nil, ctx.Err()
					}
					return nil, tc.err
				},
				similar: func(ctx context.Context, _ *recommendationsv1.SimilarBooksRequest) (*recommendationsv1.SimilarBooksResponse, error) {
					if tc.hang {
						<-ctx.Done()
						return nil, ctx.Err()
					}
					return nil, tc.err
				},
			})
			if tc.hang {
				c.timeout = 100 * time.Millisecond
			}
			began := time.Now()
			shelf := c.Shelf(t.Context(), Query{UserID: 7, Category: "romance", MaxResults: 10})
			if shelf.Source != Fallback || shelf.ServedBy != "" || len(shelf.Items) != 1 || shelf.Items[0].BookID != 2 {
				t.Errorf("shelf %+v, want the bestseller of romance", shelf)
			}
			if errors.Is(shelf.Cause, ErrOverloaded) != (tc.cause != nil) || shelf.Cause == nil {
				t.Errorf("cause %v", shelf.Cause)
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("the page waited %v", took)
			}
			book, err := c.catalog.Book(1)
			if err != nil {
				t.Fatal(err)
			}
			shelf = c.Similar(t.Context(), book, Query{MaxResults: 10})
			if shelf.Source != Fallback || len(shelf.Items) != 2 || shelf.Items[0].BookID != 2 {
				t.Errorf("similar %+v, want the bestsellers of fantasy without the book itself", shelf)
			}
			if n := testutil.ToFloat64(c.metrics.fallbacks.WithLabelValues(tc.reason)); n != 2 {
				t.Errorf("%v fallbacks counted as %s, want 2", n, tc.reason)
			}
		})
	}
}

func TestADisconnectedReaderIsNotCountedAsFallback(t *testing.T) {
	entered := make(chan struct{})
	c := stocked(t, &fake{recommend: func(ctx context.Context, _ *recommendationsv1.RecommendRequest) (*recommendationsv1.RecommendResponse, error) {
		close(entered)
		<-ctx.Done()
		return nil, ctx.Err()
	}})
	ctx, leave := context.WithCancel(t.Context())
	go func() { <-entered; leave() }()
	c.Shelf(ctx, Query{UserID: 7, MaxResults: 10})
	for _, reason := range []string{"timeout", "unavailable", "broken"} {
		if n := testutil.ToFloat64(c.metrics.fallbacks.WithLabelValues(reason)); n != 0 {
			t.Errorf("counted as %s", reason)
		}
	}
}

// A shop asks for what it shows, and does not show more: replicas of an earlier version do
// not know which books cannot be bought.
func TestUnavailableBooksAreNotAskedFor(t *testing.T) {
	var asked []bool
	answer := []*recommendationsv1.Recommendation{{BookId: 1, Title: "One"}, {BookId: 2, Title: "Two"}, {BookId: 99, Title: "New"}}
	f := &fake{
		recommend: func(_ context.Context, req *recommendationsv1.RecommendRequest) (*recommendationsv1.RecommendResponse, error) {
			asked = append(asked, req.GetIncludeUnavailable())
			return &recommendationsv1.RecommendResponse{Recommendations: answer}, nil
		},
		similar: func(_ context.Context, req *recommendationsv1.SimilarBooksRequest) (*recommendationsv1.SimilarBooksResponse, error) {
			asked = append(asked, req.GetIncludeUnavailable())
			return &recommendationsv1.SimilarBooksResponse{Recommendations: answer}, nil
		},
		follow: func(start *recommendationsv1.FollowStart, stream followStream) error {
			asked = append(asked, start.GetIncludeUnavailable())
			return stream.Send(&recommendationsv1.FollowResponse{Part: &recommendationsv1.FollowResponse_Shelf{
				Shelf: &recommendationsv1.FollowShelf{Recommendations: answer, Version: 1},
			}})
		},
	}
	c, _ := connect(t, f, "")
	contents := catalog.Contents{Version: "v", Books: []catalog.Book{
		{ID: 1, Title: "One", Categories: []string{"fantasy"}}, {ID: 2, Title: "Two", Categories: []string{"fantasy"}, Availability: catalog.Unavailable},
	}}
	for show, want := range map[bool][]int64{false: {1, 99}, true: {1, 2, 99}} {
		c.catalog, asked = catalog.New(), nil
		if show {
			c.catalog = catalog.New(catalog.WithUnavailable())
		}
		if err := c.catalog.Replace(contents); err != nil {
			t.Fatal(err)
		}
		shelves := []Shelf{c.Shelf(t.Context(), Query{UserID: 7, MaxResults: 3}), c.Similar(t.Context(), contents.Books[0], Query{MaxResults: 3})}
		ctx, cancel := context.WithCancel(t.Context())
		_ = c.followed(ctx, FollowQuery{UserID: 7, MaxResults: 3}, func(change Change) error {
			shelves = append(shelves, change.Shelf)
			cancel()
			return nil
		})
		cancel()
		for i, shelf := range shelves {
			var got []int64
			for _, item := range shelf.Items {
				got = append(got, item.BookID)
			}
			if !slices.Equal(got, want) {
				t.Errorf("show %v, shelf %d: %v, want %v", show, i, got, want)
			}
		}
		if len(asked) < 3 || slices.Contains(asked, !show) {
			t.Errorf("show %v: asked %v", show, asked)
		}
	}
}

// A replica of an earlier version does not know that it is asked why, and answers with the shelf.
func TestWhy(t *testing.T) {
	dune, emma := &recommendationsv1.Because{BookId: 5, Title: "Dune"}, &recommendationsv1.Because{BookId: 3, Title: "Emma"}
	var asked *recommendationsv1.RecommendRequest
	var answer *recommendationsv1.RecommendResponse
	var fails error
	c := stocked(t, &fake{recommend: func(_ context.Context, req *recommendationsv1.RecommendRequest) (*recommendationsv1.RecommendResponse, error) {
		asked = req
		return answer, fails
	}})
	for name, tc := range map[string]struct {
		answer *recommendationsv1.RecommendResponse
		fails  error
		want   []Reason
		err    error
	}{
		"reasons": {
			answer: &recommendationsv1.RecommendResponse{Recommendations: []*recommendationsv1.Recommendation{{BookId: 9, Because: dune, Reasons: []*recommendationsv1.Because{dune, emma}}}},
			want:   []Reason{{5, "Dune"}, {3, "Emma"}},
		},
		"an earlier version": {
			answer: &recommendationsv1.RecommendResponse{Recommendations: []*recommendationsv1.Recommendation{{BookId: 8, Because: dune}, {BookId: 9, Because: emma}}},
			want:   []Reason{{3, "Emma"}},
		},
		"none":            {answer: &recommendationsv1.RecommendResponse{Recommendations: []*recommendationsv1.Recommendation{{BookId: 9}}}},
		"forgotten since": {answer: &recommendationsv1.RecommendResponse{ReaderForgotten: true}, err: ErrForgotten},
		"away":            {fails: status.Error(codes.Unavailable, "x"), err: ErrUnavailable},
	} {
		answer, fails = tc.answer, tc.fails
		got, err := c.Why(t.Context(), 9, Query{UserID: 7, Generation: 2})
		if diff := cmp.Diff(tc.want, got); diff != "" || !errors.Is(err, tc.err) {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
		if asked.GetUserId() != 7 || asked.GetGeneration() != 2 || asked.GetWhyBookId() != 9 {
			t.Errorf("%s: asked %v", name, asked)
		}
	}
}
