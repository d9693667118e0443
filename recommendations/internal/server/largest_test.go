package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/internal/lifecycle"
	"bookstall/internal/rpc"
	"bookstall/internal/telemetry"
	"bookstall/recommendations/internal/bookcsv"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/engine"
	"bookstall/recommendations/internal/recommender"
)

// wide is a character of four bytes.
const wide = "𐀀"

// largestBook returns a book with the longest text that an import admits.
func largestBook(t *testing.T, id int64) domain.Book {
	t.Helper()
	b := domain.Book{
		ExternalID: strings.Repeat("読", domain.MaxExternalID),
		ID:         id, Title: strings.Repeat(wide, 500), Author: strings.Repeat(wide, 200), Year: -5000, Popularity: 1 << 48,
		Series: strings.Repeat(wide, 200), ISBN: "9780000000000", Description: strings.Repeat(wide, 20_000), Price: "123456.789", Currency: "EUR", Language: "en",
		Availability: domain.Unavailable, Stock: new(int64(1e9)), Hidden: id == 1, BuyURL: "https://a/" + strings.Repeat("b", 1990),
		Publisher: strings.Repeat(wide, 200), Format: strings.Repeat(wide, 60), Pages: 100_000, SeriesNumber: strings.Repeat(wide, 20),
		Added: time.Unix(1763719200, 0).UTC(),
	}
	for range 20 {
		b.Contributors = append(b.Contributors, domain.Contributor{Name: strings.Repeat(wide, 200), Role: strings.Repeat(wide, 40)})
	}
	for k := range 4 {
		b.Categories = append(b.Categories, strings.Repeat("x", 39)+fmt.Sprint(k))
	}
	if column, reason := bookcsv.CheckBook(b); column != "" {
		t.Fatalf("an import refuses %s: %s", column, reason)
	}
	for column, more := range map[string]func(*domain.Book){
		"title": func(b *domain.Book) { b.Title += "x" }, "author": func(b *domain.Book) { b.Author += "x" }, "series": func(b *domain.Book) { b.Series += "x" },
		"description": func(b *domain.Book) { b.Description += "x" }, "publisher": func(b *domain.Book) { b.Publisher += "x" }, "format": func(b *domain.Book) { b.Format += "x" }, "buy_url": func(b *domain.Book) { b.BuyURL += "x" },
		"stock": func(b *domain.Book) { b.Stock = new(*b.Stock + 1) }, "pages": func(b *domain.Book) { b.Pages++ }, "series_number": func(b *domain.Book) { b.SeriesNumber += "x" },
		"contributors": func(b *domain.Book) { b.Contributors = append(slices.Clone(b.Contributors), b.Contributors[0]) },
		"popularity":   func(b *domain.Book) { b.Popularity++ }, "categories": func(b *domain.Book) { b.Categories = append(slices.Clone(b.Categories), "y") },
	} {
		larger := b
		more(&larger)
		if got, _ := bookcsv.CheckBook(larger); got != column {
			t.Fatalf("a longer %s is admitted: this is not the largest book", column)
		}
	}
	return b
}

// accepting is a journal that stores everything.
type accepting struct{}

func (accepting) Record(_ context.Context, list []domain.Interaction) ([]domain.Outcome, error) {
	outcomes := make([]domain.Outcome, len(list))
	for k := range list {
		outcomes[k] = domain.Outcome{Status: domain.Conflict}
	}
	return outcomes, nil
}

func (accepting) ReaderID(_ context.Context, _ string, _ bool) (int64, error) {
	return math.MaxInt64, nil
}

func (accepting) Forget(context.Context, int64, int64) (int64, error) { return math.MaxInt64, nil }

func (accepting) CatchUp(context.Context, int64, int64) bool { return false }

// overRPC returns a client of a server, both with the limits that the programs have.
func overRPC(t *testing.T, rec *recommender.Recommender) recommendationsv1.RecommendationsServiceClient {
	t.Helper()
	tel := telemetry.New(t.Context(), "test", t.Name(), telemetry.Config{LogLevel: "error"}, t.Output())
	ready := lifecycle.NewReadiness()
	ready.Set(true, "")
	server, err := rpc.NewServer(rpc.ServerConfig{Address: "127.0.0.1:0", Service: Service(), Readiness: ready, Telemetry: tel})
	if err != nil {
		t.Fatal(err)
	}
	New(Config{
		Recommender: rec, Journal: accepting{}, Name: strings.Repeat("n", 63), FollowAge: time.Minute,
		Readiness: ready, Registry: prometheus.NewRegistry(),
	}).Register(server)
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()
	client, err := rpc.NewClient(rpc.ClientConfig{
		Target: "dns:///" + server.Addr().String(), Service: Service(), DNSInterval: time.Minute, DNSMaxStale: time.Minute, Telemetry: tel,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(client.Close(), server.Stop(context.Background()), <-served); err != nil {
			t.Error(err)
		}
		tel.Close()
	})
	return recommendationsv1.NewRecommendationsServiceClient(client)
}

// The largest message of each method that an import and the validation of requests admit
// arrives.
func TestLargestMessages(t *testing.T) {
	const reader, books = math.MaxInt64 - 1, 300
	lib := &domain.Library{Catalog: domain.Catalog{Version: strings.Repeat("v", 64)}}
	for k := range books {
		b := largestBook(t, math.MaxInt64-books+int64(k))
		if k > 0 {
			b.Popularity = 1 // so that shelves follow from histories
		}
		lib.Books = append(lib.Books, b)
	}
	for k := range 2 * domain.MaxSamples { // an earlier version admitted any number
		lib.Samples = append(lib.Samples, domain.SampleReader{ID: math.MaxInt64 - int64(k), Label: strings.Repeat(wide, 60)})
	}
	for k := range books { // four books belong together; the reader has one of each four
		for more := range 5 {
			lib.Ratings = append(lib.Ratings, domain.Rating{UserID: int64(1 + k/4*5 + more), BookID: lib.Books[k].ID, Stars: 5})
		}
		if k%4 == 0 {
			lib.Ratings = append(lib.Ratings, domain.Rating{UserID: reader, BookID: lib.Books[k].ID, Stars: 5})
		}
	}
	rec := recommender.New()
	if err := rec.Load(lib, 1); err != nil {
		t.Fatal(err)
	}
	api := overRPC(t, rec)
	category := lib.Books[0].Categories[0]
	interaction := &recommendationsv1.Interaction{
		Id: strings.Repeat("i", domain.MaxInteractionID), UserId: domain.FirstVisitor, BookId: lib.Books[0].ID,
		Kind: recommendationsv1.InteractionKind_INTERACTION_KIND_RATING, Rating: 5, Generation: domain.MaxGeneration,
	}

	methods := map[string]func(context.Context) error{
		"Recommend": func(ctx context.Context) error {
			resp, err := api.Recommend(ctx, &recommendationsv1.RecommendRequest{UserId: reader, Category: category, MaxResults: maxResults, IncludeUnavailable: true, MinVersion: math.MaxInt64})
			if n := len(resp.GetRecommendations()); err == nil && (n != maxResults || !slices.ContainsFunc(resp.GetRecommendations(), func(r *recommendationsv1.Recommendation) bool { return r.GetBecause() != nil })) {
				err = fmt.Errorf("%d books, or without a reason", n)
			}
			return err
		},
		"SimilarBooks": func(ctx context.Context) error {
			resp, err := api.SimilarBooks(ctx, &recommendationsv1.SimilarBooksRequest{BookId: lib.Books[0].ID, MaxResults: maxResults, IncludeUnavailable: true})
			if n := len(resp.GetRecommendations()); err == nil && n != maxResults {
				err = fmt.Errorf("%d books", n)
			}
			return err
		},
		"ListBooks": func(context.Context) error {
			header, got := list(t, api, "")
			if len(got) != books || len(header.GetSampleReaders()) != domain.MaxSamples {
				return fmt.Errorf("%d books and %d sample readers", len(got), len(header.GetSampleReaders()))
			}
			return nil
		},
		"RecordInteractions": func(ctx context.Context) error {
			stream, err := api.RecordInteractions(ctx)
			if err != nil {
				return err
			}
			for range 2 * recordBatch {
				if err := stream.Send(&recommendationsv1.RecordInteractionsRequest{Interaction: interaction}); err != nil {
					return err
				}
			}
			resp, err := stream.CloseAndRecv()
			if err == nil && len(resp.GetRejections()) != maxRejections {
				err = fmt.Errorf("answer %v", resp)
			}
			return err
		},
		"Follow": func(ctx context.Context) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			stream, err := api.Follow(ctx)
			if err != nil {
				return err
			}
			start := &recommendationsv1.FollowStart{UserId: reader, Category: category, MaxResults: maxResults, IncludeUnavailable: true}
			if err := stream.Send(&recommendationsv1.FollowRequest{Part: &recommendationsv1.FollowRequest_Start{Start: start}}); err != nil {
				return err
			}
			shelf, err := stream.Recv()
			if n := len(shelf.GetShelf().GetRecommendations()); err != nil || n != maxResults {
				return fmt.Errorf("%d books: %w", n, err)
			}
			if err := stream.Send(&recommendationsv1.FollowRequest{Part: &recommendationsv1.FollowRequest_Interaction{Interaction: interaction}}); err != nil {
				return err
			}
			recorded, err := stream.Recv()
			if err == nil && recorded.GetRecorded() == nil {
				err = fmt.Errorf("answer %v", recorded)
			}
			return err
		},
		"GetHistory": func(ctx context.Context) error {
			long, seq := historyOf(t, 5*maxHistory/2)
			resp, err := overRPC(t, long).GetHistory(ctx, &recommendationsv1.GetHistoryRequest{UserId: reader, MinVersion: math.MaxInt64})
			if n := len(resp.GetEntries()); err == nil && (n != maxHistory || resp.GetEntries()[0].GetBookId() != math.MaxInt64 || resp.GetVersion() != seq) {
				err = fmt.Errorf("%d entries of version %d, the first for book %d", n, resp.GetVersion(), resp.GetEntries()[0].GetBookId())
			}
			return err
		},
		"FindReader": func(ctx context.Context) error {
			_, err := api.FindReader(ctx, &recommendationsv1.FindReaderRequest{ExternalId: strings.Repeat("読", domain.MaxExternalID), Add: true})
			return err
		},
		"ForgetReader": func(ctx context.Context) error {
			_, err := api.ForgetReader(ctx, &recommendationsv1.ForgetReaderRequest{UserId: reader, Generation: domain.MaxGeneration})
			return err
		},
	}
	var service []string
	for _, m := range recommendationsv1.RecommendationsService_ServiceDesc.Methods {
		service = append(service, m.MethodName)
	}
	for _, m := range recommendationsv1.RecommendationsService_ServiceDesc.Streams {
		service = append(service, m.StreamName)
	}
	slices.Sort(service)
	if tested := slices.Sorted(maps.Keys(methods)); !slices.Equal(tested, service) {
		t.Errorf("tested %v of the methods %v", tested, service)
	}
	for name, call := range methods {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		if err := call(ctx); err != nil && !errors.Is(err, io.EOF) {
			t.Errorf("%s: %.300v", name, err)
		}
		cancel()
	}
}

// historyOf returns a recommender of one reader, who has done all that there is with each
// of many books.
func historyOf(t *testing.T, books int) (*recommender.Recommender, int64) {
	t.Helper()
	lib := domain.Catalog{Version: "v"}
	var history domain.History
	for k := range books {
		id := math.MaxInt64 - int64(books-1-k)
		lib.Books = append(lib.Books, domain.Book{ID: id, Title: "T", Author: fmt.Sprint(k), Categories: []string{"a"}})
		history = append(history, domain.Entry{BookID: id, Stars: 5, Liked: true, Purchased: true})
	}
	rec := recommender.New()
	if err := rec.Serve(lib, engine.Model{RowStart: make([]int32, books+1), Counts: make([]int32, books)}); err != nil {
		t.Fatal(err)
	}
	const seq = math.MaxInt64
	rec.Replace([]domain.Reader{{ID: math.MaxInt64 - 1, Seq: seq, History: history.Encode()}})
	return rec, seq
}

// A category that is unknown is answered with some that are known, however many there are.
func TestTheErrorForACategoryIsShort(t *testing.T) {
	lib := testLibrary()
	for k := range lib.Books {
		lib.Books[k].Categories = []string{fmt.Sprintf("category-%04d", k)}
	}
	_, err := serve(t, lib).Recommend(within(t), &recommendationsv1.RecommendRequest{UserId: 1, Category: "nowhere"})
	if text := fmt.Sprint(err); len(text) > 1000 || !strings.Contains(text, "category-0019 and 430 more") {
		t.Errorf("%v", err)
	}
}
