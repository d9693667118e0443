package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/internal/lifecycle"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/recommender"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func testLibrary() *domain.Library {
	lib := &domain.Library{Catalog: domain.Catalog{Version: "v1", Samples: []domain.SampleReader{{ID: 1, Label: "Synthetic reader 1: fantasy"}}}}
	for i := range 450 { // more than two pages of ListBooks
		lib.Books = append(lib.Books, domain.Book{
			ID: int64(i + 1), Title: fmt.Sprintf("Book %d", i+1), Author: "Author", Year: 1900 + i%100,
			Categories: []string{[]string{"fantasy", "romance"}[i%2]}, Popularity: int64(1000 - i),
			Series: "Series #1", ISBN: "9780000000000", Description: "About.", Price: "9.90", Currency: "EUR", Language: "en",
		})
	}
	for user := int64(1); user <= 30; user++ {
		for _, b := range []int64{1, 3, 5, 7} {
			if (user+b)%5 != 0 {
				lib.Ratings = append(lib.Ratings, domain.Rating{UserID: user, BookID: b, Stars: 5})
			}
		}
	}
	return lib
}

// serve serves on a real listener. With a nil library the server is not ready.
func serve(t *testing.T, lib *domain.Library) recommendationsv1.RecommendationsServiceClient {
	t.Helper()
	rec := recommender.New()
	if lib != nil {
		if err := rec.Load(lib, 1); err != nil {
			t.Fatal(err)
		}
	}
	return listen(t, New(Config{
		Recommender: rec, Name: "replica-1", FollowAge: time.Minute,
		Readiness: lifecycle.NewReadiness(), Registry: prometheus.NewRegistry(),
	}))
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestRecommend(t *testing.T) {
	api := serve(t, testLibrary())
	resp, err := api.Recommend(within(t), &recommendationsv1.RecommendRequest{UserId: 2, MaxResults: 3})
	if err != nil {
		t.Fatal(err)
	}
	if resp.GetSource() != recommendationsv1.Source_SOURCE_PERSONAL || resp.GetServedBy() != "replica-1" || resp.GetCatalogVersion() != "v1" {
		t.Errorf("got %v, want a personal shelf of replica-1 and catalogue v1", resp)
	}
	if n := len(resp.GetRecommendations()); n != 3 {
		t.Fatalf("%d books, want 3", n)
	}
	first := resp.GetRecommendations()[0]
	if first.GetTitle() == "" || first.GetAuthor() == "" || len(first.GetCategories()) == 0 || first.GetBecause().GetTitle() == "" {
		t.Errorf("first recommendation: %v, want title, author, categories and because", first)
	}

	resp, err = api.Recommend(within(t), &recommendationsv1.RecommendRequest{UserId: 999, Category: "romance"})
	if err != nil {
		t.Fatal(err)
	}
	if resp.GetSource() != recommendationsv1.Source_SOURCE_POPULAR || len(resp.GetRecommendations()) != defaultResults {
		t.Errorf("unknown reader: %v with %d books, want the %d bestsellers", resp.GetSource(), len(resp.GetRecommendations()), defaultResults)
	}
	for _, r := range resp.GetRecommendations() {
		if !slices.Contains(r.GetCategories(), "romance") || r.GetBecause() != nil {
			t.Errorf("got %v, want a bestseller of romance", r)
		}
	}
}

func TestSimilarBooks(t *testing.T) {
	api := serve(t, testLibrary())
	resp, err := api.SimilarBooks(within(t), &recommendationsv1.SimilarBooksRequest{BookId: 1, MaxResults: 3})
	if err != nil {
		t.Fatal(err)
	}
	var got []int64
	for _, r := range resp.GetRecommendations() {
		got = append(got, r.GetBookId())
	}
	slices.Sort(got)
	if !slices.Equal(got, []int64{3, 5, 7}) || resp.GetServedBy() != "replica-1" {
		t.Errorf("got %v from %q", got, resp.GetServedBy())
	}
	if _, err := api.SimilarBooks(within(t), &recommendationsv1.SimilarBooksRequest{BookId: 12345}); status.Code(err) != codes.NotFound {
		t.Errorf("unknown book: %v, want NotFound", err)
	}
}

// Calls that do not ask for them get no books that cannot be bought.
func TestUnavailableBooks(t *testing.T) {
	lib := testLibrary()
	lib.Books[2].Availability, lib.Books[4].Hidden = domain.Unavailable, true // 3 and 5
	lib.Books[6].Gone = true                                                  // 7
	api := serve(t, lib)
	for _, test := range []struct {
		include          bool
		shelves, similar []int64
	}{{false, []int64{1, 9}, []int64{1, 2}}, {true, []int64{1, 3, 9}, []int64{1, 2, 3}}} {
		n := int32(len(test.shelves))
		shelf, err := api.Recommend(within(t), &recommendationsv1.RecommendRequest{UserId: 999, Category: "fantasy", MaxResults: n, IncludeUnavailable: test.include})
		if err != nil {
			t.Fatal(err)
		}
		similar, err := api.SimilarBooks(within(t), &recommendationsv1.SimilarBooksRequest{BookId: 5, MaxResults: n, IncludeUnavailable: test.include})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(within(t))
		stream, err := api.Follow(ctx)
		if err != nil {
			t.Fatal(err)
		}
		start := &recommendationsv1.FollowStart{UserId: 999, Category: "fantasy", MaxResults: n, IncludeUnavailable: test.include}
		if err := stream.Send(&recommendationsv1.FollowRequest{Part: &recommendationsv1.FollowRequest_Start{Start: start}}); err != nil {
			t.Fatal(err)
		}
		live, err := stream.Recv()
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		for what, list := range map[string][]*recommendationsv1.Recommendation{
			"shelf": shelf.GetRecommendations(), "similar": similar.GetRecommendations(), "live": live.GetShelf().GetRecommendations(),
		} {
			var got []int64
			for _, r := range list {
				got = append(got, r.GetBookId())
			}
			want := test.shelves
			if what == "similar" {
				want = test.similar
			}
			if slices.Sort(got); !slices.Equal(got, want) {
				t.Errorf("%s, unavailable %v: %v, want %v", what, test.include, got, want)
			}
		}
	}
}

func TestListBooks(t *testing.T) {
	lib := testLibrary()
	lib.Books[0].Availability, lib.Books[0].Stock, lib.Books[0].Hidden, lib.Books[0].BuyURL = domain.Unavailable, new(int64(0)), true, "https://shop.example/1"
	lib.Books[0].Publisher, lib.Books[0].Format, lib.Books[0].Pages, lib.Books[0].SeriesNumber = "Quay Press", "Paperback", 310, "2"
	lib.Books[0].Added = time.Date(2025, 11, 21, 10, 0, 0, 0, time.UTC)
	lib.Books[0].Contributors = []domain.Contributor{{Name: "Alan Lee", Role: "illustrator"}}
	lib.Books[1].Availability = domain.Available
	lib.Books[2].Gone = true
	api := serve(t, lib)
	header, books := list(t, api, "")
	if header.GetVersion() != "v1" || header.GetUnchanged() || int(header.GetBookCount()) != len(lib.Books) || len(header.GetSampleReaders()) != 1 {
		t.Errorf("header %v", header)
	}
	var want []*recommendationsv1.Book
	for _, b := range lib.Books {
		want = append(want, book(b))
	}
	if diff := cmp.Diff(want, books, protocmp.Transform()); diff != "" {
		t.Errorf("books (-want +got):\n%s", diff)
	}
	first := &recommendationsv1.Book{
		Id: 1, Title: "Book 1", Author: "Author", Year: 1900, Categories: []string{"fantasy"}, Popularity: 1000, Series: "Series #1", Isbn: "9780000000000",
		Description: "About.", Price: "9.90", Currency: "EUR", Language: "en", Availability: recommendationsv1.Availability_AVAILABILITY_UNAVAILABLE,
		Stock: new(int64(0)), Hidden: true, BuyUrl: "https://shop.example/1", Publisher: "Quay Press", Format: "Paperback", Pages: 310, SeriesNumber: "2",
		Contributors: []*recommendationsv1.Contributor{{Name: "Alan Lee", Role: "illustrator"}}, Added: &timestamppb.Timestamp{Seconds: 1763719200},
	}
	if diff := cmp.Diff(first, books[0], protocmp.Transform()); diff != "" {
		t.Errorf("the first book (-want +got):\n%s", diff)
	}
	if !books[2].GetHidden() || books[3].GetHidden() {
		t.Errorf("a book that is gone, and one that is not: hidden %v, %v", books[2].GetHidden(), books[3].GetHidden())
	}
	header, books = list(t, api, "v1")
	if !header.GetUnchanged() || len(books) != 0 {
		t.Errorf("held version: %v and %d books, want none", header, len(books))
	}
}

// Where no book has a popularity, it is that of the model, in the list of books as on shelves.
func TestPopularityOfTheModel(t *testing.T) {
	lib := testLibrary()
	for i := range lib.Books {
		lib.Books[i].Popularity = 0
	}
	lib.Ratings = append(lib.Ratings, domain.Rating{UserID: 1, BookID: 2, Stars: 4}, domain.Rating{UserID: 2, BookID: 2, Stars: 3})
	api := serve(t, lib)
	header, books := list(t, api, "v1")
	if header.GetUnchanged() || !strings.HasPrefix(header.GetVersion(), "v1.") {
		t.Errorf("version %q, want one of v1 and the model", header.GetVersion())
	}
	want := map[int64]int64{1: 24, 2: 1, 3: 24, 5: 24, 7: 24} // book i is liked by those 4 of 5 readers for whom user+i is no multiple of 5
	for _, b := range books {
		if b.GetPopularity() != want[b.GetId()] {
			t.Errorf("book %d: popularity %d, want %d", b.GetId(), b.GetPopularity(), want[b.GetId()])
		}
	}
	resp, err := api.Recommend(within(t), &recommendationsv1.RecommendRequest{UserId: 999, MaxResults: 6})
	if err != nil {
		t.Fatal(err)
	}
	var got []int64
	for _, r := range resp.GetRecommendations() {
		got = append(got, r.GetBookId())
	}
	if !slices.Equal(got, []int64{1, 3, 5, 7, 2, 4}) || resp.GetCatalogVersion() != header.GetVersion() {
		t.Errorf("bestsellers %v of catalogue %s, want the liked ones first, of %s", got, resp.GetCatalogVersion(), header.GetVersion())
	}
	if lib.Books[0].Popularity != 0 {
		t.Error("the library itself has changed")
	}
	if again, _ := list(t, api, header.GetVersion()); !again.GetUnchanged() {
		t.Errorf("the version held: %v, want unchanged", again)
	}
}

func list(t *testing.T, api recommendationsv1.RecommendationsServiceClient, held string) (*recommendationsv1.CatalogHeader, []*recommendationsv1.Book) {
	t.Helper()
	stream, err := api.ListBooks(within(t), &recommendationsv1.ListBooksRequest{IfVersion: held})
	if err != nil {
		t.Fatal(err)
	}
	var header *recommendationsv1.CatalogHeader
	var books []*recommendationsv1.Book
	for first := true; ; first = false {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return header, books
		}
		if err != nil {
			t.Fatal(err)
		}
		if (part.GetHeader() != nil) != first {
			t.Fatalf("the header comes first and once; got %v", part)
		}
		if first {
			header = part.GetHeader()
		}
		books = append(books, part.GetPage().GetBooks()...)
	}
}

func TestBadRequestsNameEveryFieldAndWhatIsAllowed(t *testing.T) {
	api := serve(t, testLibrary())
	recommend := func(user int64, category string, n int32) func() error {
		return func() error {
			_, err := api.Recommend(within(t), &recommendationsv1.RecommendRequest{UserId: user, Category: category, MaxResults: n})
			return err
		}
	}
	similar := func(book int64, n int32) func() error {
		return func() error {
			_, err := api.SimilarBooks(within(t), &recommendationsv1.SimilarBooksRequest{BookId: book, MaxResults: n})
			return err
		}
	}
	for name, tc := range map[string]struct {
		do   func() error
		want map[string]string // field to a part of its description
	}{
		"no user":           {recommend(0, "", 1), map[string]string{"user_id": "from 1"}},
		"negative user":     {recommend(-5, "", 1), map[string]string{"user_id": "is -5"}},
		"unknown category":  {recommend(1, "cooking", 1), map[string]string{"category": "fantasy, romance"}},
		"long category":     {recommend(1, strings.Repeat("x", 1<<16), 1), map[string]string{"category": "fantasy, romance"}},
		"negative results":  {recommend(1, "", -1), map[string]string{"max_results": "1 to 100"}},
		"too many results":  {recommend(1, "", 101), map[string]string{"max_results": "is 101"}},
		"everything wrong":  {recommend(0, "x", 1000), map[string]string{"user_id": "", "category": "", "max_results": ""}},
		"no book":           {similar(0, 1), map[string]string{"book_id": "from 1"}},
		"similar, too many": {similar(1, 1<<30), map[string]string{"max_results": "1 to 100"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := status.Convert(tc.do())
			if s.Code() != codes.InvalidArgument || len(s.Details()) != 1 {
				t.Fatalf("got %v with %d details", s, len(s.Details()))
			}
			got := map[string]string{}
			for _, v := range s.Details()[0].(*errdetails.BadRequest).GetFieldViolations() {
				got[v.GetField()] = v.GetDescription()
				if len(v.GetDescription()) > 1000 {
					t.Errorf("%s: a description of %d bytes", v.GetField(), len(v.GetDescription()))
				}
			}
			if len(got) != len(tc.want) {
				t.Errorf("violations %v, want of %v", got, tc.want)
			}
			for field, part := range tc.want {
				if text, ok := got[field]; !ok || !strings.Contains(text, part) {
					t.Errorf("%s: %q, want it to say %q", field, text, part)
				}
			}
		})
	}
}

func TestNotReadyIsUnavailable(t *testing.T) {
	api := serve(t, nil)
	_, recommend := api.Recommend(within(t), &recommendationsv1.RecommendRequest{UserId: 1})
	_, inCategory := api.Recommend(within(t), &recommendationsv1.RecommendRequest{UserId: 1, Category: "fantasy"})
	_, similar := api.SimilarBooks(within(t), &recommendationsv1.SimilarBooksRequest{BookId: 1})
	stream, err := api.ListBooks(within(t), &recommendationsv1.ListBooksRequest{})
	if err != nil {
		t.Fatal(err)
	}
	_, listing := stream.Recv()
	_, fromTheStart := followUp(t, api, &recommendationsv1.FollowStart{UserId: 1}).Recv()
	_, fromAVersion := followUp(t, api, &recommendationsv1.FollowStart{UserId: 1, AfterVersion: 1}).Recv()
	for _, err := range []error{recommend, inCategory, similar, listing, fromTheStart, fromAVersion} {
		if status.Code(err) != codes.Unavailable {
			t.Errorf("got %v, want UNAVAILABLE so that another replica is tried", err)
		}
	}
}

func TestRecommendSaysWhy(t *testing.T) {
	client := serve(t, testLibrary())
	resp, err := client.Recommend(t.Context(), &recommendationsv1.RecommendRequest{UserId: 4, WhyBookId: 9})
	if err != nil {
		t.Fatal(err)
	}
	if len(resp.GetRecommendations()) != 1 || resp.GetRecommendations()[0].GetBookId() != 9 || resp.GetRecommendations()[0].GetReasons() != nil {
		t.Errorf("a book that nobody read: %v", resp)
	}
	shelf, err := client.Recommend(t.Context(), &recommendationsv1.RecommendRequest{UserId: 4})
	if err != nil {
		t.Fatal(err)
	}
	first := shelf.GetRecommendations()[0]
	if first.GetReasons() != nil || first.GetBecause() == nil {
		t.Fatalf("the shelf begins with %v", first)
	}
	resp, err = client.Recommend(t.Context(), &recommendationsv1.RecommendRequest{UserId: 4, WhyBookId: first.GetBookId()})
	if err != nil {
		t.Fatal(err)
	}
	reasons := resp.GetRecommendations()[0].GetReasons()
	if len(reasons) != 3 || reasons[0].GetBookId() != first.GetBecause().GetBookId() || reasons[0].GetTitle() == "" {
		t.Errorf("reasons %v, want 3, the first %v", reasons, first.GetBecause())
	}
	for id, want := range map[int64]codes.Code{-1: codes.InvalidArgument, 999: codes.NotFound} {
		if _, err := client.Recommend(t.Context(), &recommendationsv1.RecommendRequest{UserId: 4, WhyBookId: id}); status.Code(err) != want {
			t.Errorf("book %d: %v, want %s", id, err, want)
		}
	}
}
