// Package server implements the gRPC service. It validates requests, calls package
// recommender, and translates answers and errors to protobuf. No other package knows
// protobuf.
package server

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/internal/lifecycle"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/recommender"
)

// Service returns the full name of the gRPC service, also for its health.
func Service() string { return recommendationsv1.RecommendationsService_ServiceDesc.ServiceName }

// Reads reports whether a method of the service changes nothing.
func Reads(method string) bool {
	switch method {
	case recommendationsv1.RecommendationsService_Recommend_FullMethodName,
		recommendationsv1.RecommendationsService_SimilarBooks_FullMethodName,
		recommendationsv1.RecommendationsService_ListBooks_FullMethodName,
		recommendationsv1.RecommendationsService_Follow_FullMethodName,
		recommendationsv1.RecommendationsService_GetHistory_FullMethodName:
		return true
	}
	return false
}

const (
	defaultResults = 10
	maxResults     = 100

	// No page of ListBooks has more than this, but for one book that alone is larger: the largest
	// has 107 kB. For a message of more than 32 kB, gRPC takes a buffer of 1 MB at each end.
	booksPerPage = 200
	bytesPerPage = 32<<10 - bytesAround
	bytesAround  = 8 // tags and lengths of the page in its message, and of a book in its page

	maxHistory       = 100_000 // entries of GetHistory, up to 2 MB
	categoriesListed = 20      // in the error for an unknown one
)

// Config configures a Server.
type Config struct {
	Recommender *recommender.Recommender
	Journal     Journal // nil refuses writes
	Name        string  // name of this replica
	// FollowAge bounds the duration of a Follow stream. It should be shorter than the
	// grace of old connections, so that streams end before they are cut.
	FollowAge time.Duration
	Readiness *lifecycle.Readiness // Follow streams end when it drains
	Registry  prometheus.Registerer

	NativeHistograms bool
}

// Server implements recommendations.v1.RecommendationsService.
type Server struct {
	recommendationsv1.UnimplementedRecommendationsServiceServer

	recommender *recommender.Recommender
	journal     Journal
	name        string
	followAge   time.Duration
	drain       <-chan struct{} // closed when the replica drains
	metrics     *metrics
	encodings   encodings
}

// New returns a server.
func New(cfg Config) *Server {
	return &Server{
		recommender: cfg.Recommender, journal: cfg.Journal, name: cfg.Name,
		followAge: cfg.FollowAge, drain: cfg.Readiness.Drained().Done(), metrics: newMetrics(cfg.Registry, cfg.NativeHistograms),
	}
}

// Register adds the service to a gRPC server.
func (s *Server) Register(to grpc.ServiceRegistrar) {
	recommendationsv1.RegisterRecommendationsServiceServer(to, s)
}

// Recommend implements the RPC of that name.
func (s *Server) Recommend(ctx context.Context, req *recommendationsv1.RecommendRequest) (*recommendationsv1.RecommendResponse, error) {
	var wrong violations
	checkUser(&wrong, req.GetUserId())
	checkGeneration(&wrong, req.GetGeneration())
	checkSeq(&wrong, "min_version", req.GetMinVersion())
	if err := s.checkCategory(&wrong, req.GetCategory()); err != nil {
		return nil, toStatus(err)
	}
	n := checkMaxResults(&wrong, req.GetMaxResults())
	if id := req.GetWhyBookId(); id < 0 {
		wrong.add("why_book_id", fmt.Sprintf("is %d, want a whole number from 1, or 0 for the shelf", id))
	}
	variety := checkVariety(&wrong, req.GetVariety(), req.GetNewSince())
	if err := wrong.err(); err != nil {
		return nil, err
	}
	if _, err := s.catchUp(ctx, req.GetUserId(), req.GetMinVersion()); err != nil {
		return nil, err
	}
	if req.GetWhyBookId() > 0 {
		return s.why(req)
	}
	shelf, forgotten, err := s.shelf(req.GetUserId(), req.GetGeneration(), req.GetCategory(), n, selection(req.GetIncludeUnavailable()), variety)
	if err != nil {
		return nil, toStatus(err)
	}
	source, label := sourceOf(shelf)
	s.metrics.of(label).sent.Inc()
	answer := &recommendationsv1.RecommendResponse{
		Source: source, ServedBy: s.name, CatalogVersion: shelf.CatalogVersion,
		ReaderVersion: shelf.ReaderSeq, ReaderForgotten: forgotten,
	}
	if !s.encode(answer, shelf) {
		answer.Recommendations = recommendations(shelf)
	}
	return answer, nil
}

// encode adds the books of a shelf to an answer, encoded, unless they cannot be.
func (s *Server) encode(answer proto.Message, shelf recommender.Shelf) bool {
	catalog, err := s.recommender.Catalog()
	return err == nil && s.encodings.put(answer, shelf, catalog)
}

// mostReasons is how many books explain one of a shelf.
const mostReasons = 3

// why answers a Recommend that asks why a book is on a shelf.
func (s *Server) why(req *recommendationsv1.RecommendRequest) (*recommendationsv1.RecommendResponse, error) {
	shelf, reasons, err := s.recommender.Why(req.GetWhyBookId(), req.GetUserId(), mostReasons)
	forgotten := s.recommender.Reader(req.GetUserId()).Ended(req.GetGeneration()) // afterwards, as in shelf
	if forgotten && err == nil {
		shelf, reasons, err = s.recommender.Why(req.GetWhyBookId(), nobody, mostReasons)
	}
	if err != nil {
		return nil, toStatus(err)
	}
	list := recommendations(shelf)
	for _, b := range reasons {
		list[0].Reasons = append(list[0].Reasons, &recommendationsv1.Because{BookId: b.ID, Title: b.Title})
	}
	source, _ := sourceOf(shelf)
	return &recommendationsv1.RecommendResponse{
		Recommendations: list, Source: source, ServedBy: s.name, CatalogVersion: shelf.CatalogVersion,
		ReaderVersion: shelf.ReaderSeq, ReaderForgotten: forgotten,
	}, nil
}

// nobody is the id of no reader.
const nobody = 0

// shelf returns the shelf of a reader or, if the reader was forgotten since the generation,
// that of somebody new. Generations only grow, so one that has not ended afterwards had not
// ended before.
func (s *Server) shelf(userID, generation int64, category string, n int, of recommender.Selection, v recommender.Variety) (shelf recommender.Shelf, forgotten bool, err error) {
	began := time.Now()
	shelf, err = s.recommender.RecommendVaried(userID, category, n, of, v)
	if forgotten = s.recommender.Reader(userID).Ended(generation); forgotten && err == nil {
		shelf, err = s.recommender.RecommendVaried(nobody, category, n, of, v)
	}
	if err == nil {
		_, label := sourceOf(shelf)
		s.scored(shelf, label, time.Since(began))
	}
	return shelf, forgotten, err
}

func selection(unavailable bool) recommender.Selection {
	if unavailable {
		return recommender.WithUnavailable
	}
	return recommender.Buyable
}

func sourceOf(shelf recommender.Shelf) (source recommendationsv1.Source, label string) {
	if shelf.Personal {
		return recommendationsv1.Source_SOURCE_PERSONAL, personal
	}
	return recommendationsv1.Source_SOURCE_POPULAR, popular
}

// SimilarBooks implements the RPC of that name.
func (s *Server) SimilarBooks(ctx context.Context, req *recommendationsv1.SimilarBooksRequest) (*recommendationsv1.SimilarBooksResponse, error) {
	var wrong violations
	if req.GetBookId() <= 0 {
		wrong.add("book_id", fmt.Sprintf("is %d, want a whole number from 1", req.GetBookId()))
	}
	if id := req.GetUserId(); id < 0 {
		wrong.add("user_id", fmt.Sprintf("is %d, want a whole number from 1, or 0 for none", id))
	}
	checkGeneration(&wrong, req.GetGeneration())
	checkSeq(&wrong, "min_version", req.GetMinVersion())
	n := checkMaxResults(&wrong, req.GetMaxResults())
	if err := wrong.err(); err != nil {
		return nil, err
	}
	if _, err := s.catchUp(ctx, req.GetUserId(), req.GetMinVersion()); err != nil {
		return nil, err
	}
	of := selection(req.GetIncludeUnavailable())
	began := time.Now()
	shelf, err := s.recommender.Similar(req.GetBookId(), req.GetUserId(), n, of)
	if err == nil && s.recommender.Reader(req.GetUserId()).Ended(req.GetGeneration()) { // afterwards, as in shelf
		shelf, err = s.recommender.Similar(req.GetBookId(), nobody, n, of)
	}
	if err != nil {
		return nil, toStatus(err)
	}
	s.scored(shelf, similar, time.Since(began))
	s.metrics.of(similar).sent.Inc()
	answer := &recommendationsv1.SimilarBooksResponse{ServedBy: s.name, CatalogVersion: shelf.CatalogVersion}
	if !s.encode(answer, shelf) {
		answer.Recommendations = recommendations(shelf)
	}
	return answer, nil
}

// ListBooks implements the RPC of that name.
func (s *Server) ListBooks(req *recommendationsv1.ListBooksRequest, stream grpc.ServerStreamingServer[recommendationsv1.ListBooksResponse]) error {
	lib, err := s.recommender.Catalog()
	if err != nil {
		return toStatus(err)
	}
	header := &recommendationsv1.CatalogHeader{Version: lib.Version, ReadOnly: s.journal == nil}
	books := lib.Books
	if req.GetIfVersion() == lib.Version {
		header.Unchanged = true
		books = nil
	} else {
		header.BookCount = int32(len(books))
		for _, r := range lib.Samples[:min(len(lib.Samples), domain.MaxSamples)] {
			header.SampleReaders = append(header.SampleReaders, &recommendationsv1.SampleReader{UserId: r.ID, Label: r.Label})
		}
	}
	if err := stream.Send(&recommendationsv1.ListBooksResponse{
		Part: &recommendationsv1.ListBooksResponse_Header{Header: header},
	}); err != nil {
		return err
	}
	for len(books) > 0 {
		page := nextPage(books)
		books = books[len(page.GetBooks()):]
		if err := stream.Send(&recommendationsv1.ListBooksResponse{
			Part: &recommendationsv1.ListBooksResponse_Page{Page: page},
		}); err != nil {
			return err
		}
	}
	return nil
}

// nextPage returns the first of the books, one at least.
func nextPage(books []domain.Book) *recommendationsv1.BookPage {
	page := &recommendationsv1.BookPage{}
	size := 0
	for i, b := range books[:min(booksPerPage, len(books))] {
		next := book(b)
		if size += proto.Size(next) + bytesAround; size > bytesPerPage && i > 0 {
			break
		}
		page.Books = append(page.Books, next)
	}
	return page
}

func checkUser(wrong *violations, id int64) {
	if id <= 0 {
		wrong.add("user_id", fmt.Sprintf("is %d, want a whole number from 1", id))
	}
}

func checkGeneration(wrong *violations, generation int64) {
	if generation < 0 || generation > domain.MaxGeneration {
		wrong.add("generation", fmt.Sprintf("is %d, want 0 to %d", generation, domain.MaxGeneration))
	}
}

func checkSeq(wrong *violations, field string, seq int64) {
	if seq < 0 {
		wrong.add(field, fmt.Sprintf("is %d, want one from an answer, or 0", seq))
	}
}

// checkCategory adds a violation, which lists known categories, if no book has the
// category.
func (s *Server) checkCategory(wrong *violations, category string) error {
	if category == "" {
		return nil
	}
	known, err := s.recommender.Categories()
	if err != nil {
		return err
	}
	for _, slug := range known {
		if slug == category {
			return nil
		}
	}
	list := strings.Join(known[:min(len(known), categoriesListed)], ", ")
	if more := len(known) - categoriesListed; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	wrong.add("category", fmt.Sprintf("%.40q is unknown, want one of %s, or none for all", category, list))
	return nil
}

func checkMaxResults(wrong *violations, n int32) int {
	switch {
	case n == 0:
		return defaultResults
	case n < 0 || n > maxResults:
		wrong.add("max_results", fmt.Sprintf("is %d, want 1 to %d, or 0 for %d", n, maxResults, defaultResults))
	}
	return int(n)
}

// checkVariety adds a violation if the variety is not known, or if since is no time.
func checkVariety(wrong *violations, v recommendationsv1.Variety, since *timestamppb.Timestamp) (of recommender.Variety) {
	switch v {
	case recommendationsv1.Variety_VARIETY_UNSPECIFIED:
	case recommendationsv1.Variety_VARIETY_CLOSE:
		of.Step = recommender.Close
	case recommendationsv1.Variety_VARIETY_BALANCED:
		of.Step = recommender.Balanced
	case recommendationsv1.Variety_VARIETY_FAR:
		of.Step = recommender.Far
	default:
		wrong.add("variety", fmt.Sprintf("is %d, want 0 to %d", v, recommendationsv1.Variety_VARIETY_FAR))
	}
	if since != nil {
		of.NewSince = since.AsTime()
		if since.CheckValid() != nil {
			wrong.add("new_since", "is no time of the years 1 to 9999")
		}
	}
	return of
}

func recommendations(shelf recommender.Shelf) []*recommendationsv1.Recommendation {
	type both struct { // in one allocation for all books
		book    recommendationsv1.Recommendation
		because recommendationsv1.Because
	}
	all := make([]both, len(shelf.Items))
	list := make([]*recommendationsv1.Recommendation, len(shelf.Items))
	for i, item := range shelf.Items {
		r := &all[i].book
		r.BookId, r.Title, r.Author = item.Book.ID, item.Book.Title, item.Book.Author
		r.Categories, r.Score = item.Book.Categories, item.Score
		if item.Because != nil {
			r.Because = &all[i].because
			r.Because.BookId, r.Because.Title = item.Because.ID, item.Because.Title
		}
		list[i] = r
	}
	return list
}

func book(b domain.Book) *recommendationsv1.Book {
	to := &recommendationsv1.Book{
		Id: b.ID, ExternalId: b.ExternalID, Title: b.Title, Author: b.Author, Year: int32(b.Year), Categories: b.Categories,
		Popularity: b.Popularity, Series: b.Series, Isbn: b.ISBN, Description: b.Description,
		Price: b.Price, Currency: b.Currency, Language: b.Language,
		Availability: availabilities()[b.Availability], Stock: b.Stock, Hidden: !b.Shown(), BuyUrl: b.BuyURL,
		Publisher: b.Publisher, Format: b.Format, Pages: int32(b.Pages), SeriesNumber: b.SeriesNumber,
	}
	if !b.Added.IsZero() {
		to.Added = timestamppb.New(b.Added)
	}
	for _, c := range b.Contributors {
		to.Contributors = append(to.Contributors, &recommendationsv1.Contributor{Name: c.Name, Role: c.Role})
	}
	return to
}

func availabilities() map[domain.Availability]recommendationsv1.Availability {
	return map[domain.Availability]recommendationsv1.Availability{
		domain.Available:   recommendationsv1.Availability_AVAILABILITY_AVAILABLE,
		domain.Unavailable: recommendationsv1.Availability_AVAILABILITY_UNAVAILABLE,
	}
}
