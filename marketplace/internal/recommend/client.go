package recommend

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/catalog"
)

// Service returns the full name of the gRPC service that the client calls.
func Service() string { return recommendationsv1.RecommendationsService_ServiceDesc.ServiceName }

// Config sets up a Client and its Feed.
type Config struct {
	Conn    grpc.ClientConnInterface
	Catalog *catalog.Catalog
	Timeout time.Duration // deadline for one shelf or history
	// WriteTimeout is the deadline for one write. It can be longer than Timeout,
	// because a failed write has no fallback.
	WriteTimeout time.Duration
	File         string // snapshot of the catalogue on disk; "" for none
	Log          logr.Logger
	Registry     prometheus.Registerer
	// TracerProvider makes the spans of live shelves.
	TracerProvider trace.TracerProvider
}

// Client gets shelves and histories from recommendations and records interactions.
// It is safe for concurrent use.
type Client struct {
	api          recommendationsv1.RecommendationsServiceClient
	catalog      *catalog.Catalog
	timeout      time.Duration
	writeTimeout time.Duration
	versions     *versions
	readers      *readerIDs
	log          logr.Logger
	metrics      *metrics
	tracer       trace.Tracer
	feed         *Feed
}

// New returns a client and the feed that keeps its catalogue up to date. The
// caller runs the feed.
func New(cfg Config) (*Client, *Feed) {
	m := newMetrics(cfg.Registry)
	api := recommendationsv1.NewRecommendationsServiceClient(cfg.Conn)
	feed := newFeed(api, cfg, m)
	return &Client{
		api: api, catalog: cfg.Catalog, timeout: cfg.Timeout, writeTimeout: cfg.WriteTimeout, versions: newVersions(), readers: newReaderIDs(),
		log: cfg.Log, metrics: m, tracer: cfg.TracerProvider.Tracer("bookstall/marketplace/internal/recommend"), feed: feed,
	}, feed
}

// Probe checks that a replica serves real calls, not only health checks. It reads
// the catalogue's header because that is cheap and not counted as a shelf.
func Probe(ctx context.Context, conn grpc.ClientConnInterface) error {
	ctx, cancel := context.WithCancel(ctx) // ends the stream
	defer cancel()
	stream, err := recommendationsv1.NewRecommendationsServiceClient(conn).ListBooks(ctx, &recommendationsv1.ListBooksRequest{})
	if err != nil {
		return err
	}
	_, err = stream.Recv()
	return err
}

// Shelf returns a reader's shelf. If the call fails or misses its deadline, it
// returns bestsellers with the source Fallback and the cause.
func (c *Client) Shelf(ctx context.Context, q Query) Shelf {
	call, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	resp, err := c.api.Recommend(call, &recommendationsv1.RecommendRequest{
		UserId: q.UserID, Generation: q.Generation, Category: q.Category, MaxResults: int32(q.MaxResults),
		IncludeUnavailable: c.catalog.ShowsUnavailable(),
		MinVersion:         max(q.MinVersion, c.versions.of(q.UserID)),
		Variety:            variety(q.Variety), NewSince: c.newSince(q.Variety),
	})
	if err != nil {
		return c.fallback(ctx, err, q.Category, 0, q.MaxResults)
	}
	c.feed.sawVersion(resp.GetCatalogVersion())
	if c.otherBooks(resp.GetRecommendations(), resp.GetCatalogVersion()) {
		return c.fallback(ctx, errMismatch, q.Category, 0, q.MaxResults)
	}
	return Shelf{
		Items: c.items(resp.GetRecommendations(), resp.GetCatalogVersion()), Source: source(resp.GetSource()),
		ServedBy: resp.GetServedBy(), Version: resp.GetReaderVersion(), Forgotten: resp.GetReaderForgotten(),
	}
}

// Why returns the books of a reader's history that put a book on the reader's shelf, at most
// three, the one that says most first. Expected errors are ErrUnavailable and ErrForgotten.
func (c *Client) Why(ctx context.Context, bookID int64, q Query) ([]Reason, error) {
	call, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	resp, err := c.api.Recommend(call, &recommendationsv1.RecommendRequest{
		UserId: q.UserID, Generation: q.Generation, MinVersion: max(q.MinVersion, c.versions.of(q.UserID)), WhyBookId: bookID,
		IncludeUnavailable: c.catalog.ShowsUnavailable(), MaxResults: whyResults,
	})
	if err != nil {
		telemetry.Event(ctx, "reasons not answered", status.Code(err).String())
		return nil, fmt.Errorf("why: %w", storeError(err))
	}
	if resp.GetReaderForgotten() {
		return nil, fmt.Errorf("why: %w", ErrForgotten)
	}
	var reasons []Reason
	for _, r := range resp.GetRecommendations() {
		if r.GetBookId() != bookID {
			continue
		}
		all := r.GetReasons()
		if len(all) == 0 && r.GetBecause() != nil { // of an earlier version, which answers with the shelf
			all = []*recommendationsv1.Because{r.GetBecause()}
		}
		for _, b := range all {
			reasons = append(reasons, Reason{BookID: b.GetBookId(), Title: b.GetTitle()})
		}
	}
	return reasons, nil
}

// whyResults is how much of its shelf a replica of an earlier version answers with, which
// does not know that it is asked why.
const whyResults = 100

func variety(v Variety) recommendationsv1.Variety {
	switch v {
	case Close:
		return recommendationsv1.Variety_VARIETY_CLOSE
	case Balanced:
		return recommendationsv1.Variety_VARIETY_BALANCED
	case Far:
		return recommendationsv1.Variety_VARIETY_FAR
	default:
		return recommendationsv1.Variety_VARIETY_UNSPECIFIED
	}
}

// newSince returns since when books have been new, nil for a shelf that need not have one.
func (c *Client) newSince(v Variety) *timestamppb.Timestamp {
	if since := c.catalog.NewSince(); v != ByScore && !since.IsZero() {
		return timestamppb.New(since)
	}
	return nil
}

func source(s recommendationsv1.Source) Source {
	if s == recommendationsv1.Source_SOURCE_PERSONAL {
		return Personal
	}
	return Popular
}

// Similar returns books that readers of the given book also like, without those that the
// reader of the query has dismissed. The query has no category, and no reader if UserID is 0.
// If the call fails or misses its deadline, it returns bestsellers of the book's
// main category with the source Fallback and the cause.
func (c *Client) Similar(ctx context.Context, book catalog.Book, q Query) Shelf {
	call, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	resp, err := c.api.SimilarBooks(call, &recommendationsv1.SimilarBooksRequest{
		BookId: book.ID, MaxResults: int32(q.MaxResults), UserId: q.UserID, Generation: q.Generation,
		MinVersion: max(q.MinVersion, c.versions.of(q.UserID)), IncludeUnavailable: c.catalog.ShowsUnavailable(),
	})
	if err != nil {
		return c.fallback(ctx, err, book.Categories[0], book.ID, q.MaxResults)
	}
	c.feed.sawVersion(resp.GetCatalogVersion())
	if c.otherBooks(resp.GetRecommendations(), resp.GetCatalogVersion()) {
		return c.fallback(ctx, errMismatch, book.Categories[0], book.ID, q.MaxResults)
	}
	return Shelf{Items: c.items(resp.GetRecommendations(), resp.GetCatalogVersion()), Source: Similar, ServedBy: resp.GetServedBy()}
}

// fallback returns the shop's own bestsellers, without the book given.
func (c *Client) fallback(ctx context.Context, err error, category string, without int64, maxResults int) Shelf {
	cause := fallbackCause(err)
	if ctx.Err() == nil { // do not count readers who disconnected
		c.metrics.fallbacks.WithLabelValues(reason(cause)).Inc()
		telemetry.Event(ctx, "fallback to bestsellers", cause.Error())
		telemetry.Warn(telemetry.Logger(ctx, c.log), "fallback to bestsellers", "cause", cause.Error(), "error", err.Error())
		if errors.Is(cause, errMismatch) {
			c.feed.Refresh()
		}
	}
	shelf := Shelf{Source: Fallback, Cause: cause}
	for _, b := range c.catalog.Bestsellers(category, maxResults+1) {
		if b.ID == without || len(shelf.Items) == maxResults {
			continue
		}
		shelf.Items = append(shelf.Items, Item{
			BookID: b.ID, Title: b.Title, Author: b.Author, Categories: b.Categories, Score: float64(b.Popularity),
		})
	}
	return shelf
}

// otherBooks reports whether an id is that of another book in the shop's catalogue: one
// that numbers its books anew was imported, and the shop does not have it yet.
func (c *Client) otherBooks(recommendations []*recommendationsv1.Recommendation, version string) bool {
	return version != c.catalog.Version() && slices.ContainsFunc(recommendations, c.isOther)
}

func (c *Client) isOther(r *recommendationsv1.Recommendation) bool {
	book, err := c.catalog.Book(r.GetBookId())
	return err == nil && book.Title != r.GetTitle()
}

// items leaves out books that the shop does not list, as a replica of an earlier version does
// not know of such, and those that are others here.
func (c *Client) items(recommendations []*recommendationsv1.Recommendation, version string) []Item {
	same := version == c.catalog.Version()
	list := make([]Item, 0, len(recommendations))
	for _, r := range recommendations {
		if c.catalog.Unlisted(r.GetBookId()) || !same && c.isOther(r) {
			continue
		}
		list = append(list, Item{
			BookID: r.GetBookId(), Title: r.GetTitle(), Author: r.GetAuthor(), Categories: r.GetCategories(),
			Score: r.GetScore(), New: c.catalog.IsNew(r.GetBookId()), BecauseID: r.GetBecause().GetBookId(), BecauseTitle: r.GetBecause().GetTitle(),
		})
	}
	return list
}
