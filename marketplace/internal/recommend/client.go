package recommend

import (
	"context"
	"errors"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	recommendationsv1 "bookstall/gen/recommendations/v1"
	"bookstall/internal/telemetry"
	"bookstall/marketplace/internal/catalog"
)

// Service is the full name of the gRPC service that the client calls.
const Service = "recommendations.v1.RecommendationsService"

// Config sets up a Client and its Feed.
type Config struct {
	Conn    grpc.ClientConnInterface
	Catalog *catalog.Catalog
	Timeout time.Duration // of one shelf or history; the page waits no longer
	// WriteTimeout is that of one write, which is worth more patience: nothing can
	// be shown in its place.
	WriteTimeout time.Duration
	File         string // copy of the catalogue on disk; "" for none
	Log          logr.Logger
	Registry     prometheus.Registerer
}

// Client asks recommendations for shelves, and tells it what readers do. It is
// safe for concurrent use.
type Client struct {
	api          recommendationsv1.RecommendationsServiceClient
	catalog      *catalog.Catalog
	timeout      time.Duration
	writeTimeout time.Duration
	versions     *versions
	log          logr.Logger
	metrics      *metrics
	feed         *Feed
}

// New returns a client and the feed that keeps its catalogue fresh; the feed
// does nothing until it runs.
func New(cfg Config) (*Client, *Feed) {
	m := newMetrics(cfg.Registry)
	api := recommendationsv1.NewRecommendationsServiceClient(cfg.Conn)
	feed := newFeed(api, cfg, m)
	return &Client{
		api: api, catalog: cfg.Catalog, timeout: cfg.Timeout, writeTimeout: cfg.WriteTimeout, versions: newVersions(),
		log: cfg.Log, metrics: m, feed: feed,
	}, feed
}

// Probe makes a call that shows whether a replica answers more than health
// checks. It reads the header of the catalogue only, and stays out of what is
// counted as shelves.
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

// Shelf returns a reader's shelf. When no good answer comes in time, it returns
// bestsellers with the source Fallback and the cause.
func (c *Client) Shelf(ctx context.Context, q Query) (Shelf, error) {
	call, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	resp, err := c.api.Recommend(call, &recommendationsv1.RecommendRequest{
		UserId: q.UserID, Category: q.Category, MaxResults: int32(q.MaxResults),
		MinVersion: max(q.MinVersion, c.versions.of(q.UserID)),
	})
	if err != nil {
		return c.fallback(ctx, err, q.Category, 0, q.MaxResults), nil
	}
	c.feed.sawVersion(resp.GetCatalogVersion())
	return Shelf{
		Items: items(resp.GetRecommendations()), Source: source(resp.GetSource()),
		ServedBy: resp.GetServedBy(), Version: resp.GetReaderVersion(),
	}, nil
}

func source(s recommendationsv1.Source) Source {
	if s == recommendationsv1.Source_SOURCE_PERSONAL {
		return Personal
	}
	return Popular
}

// Similar returns at most maxResults books that readers of a book also like.
// When no good answer comes in time, it returns bestsellers of the book's main
// category with the source Fallback and the cause. The error is that of the
// catalogue when it does not have the book.
func (c *Client) Similar(ctx context.Context, bookID int64, maxResults int) (Shelf, error) {
	book, err := c.catalog.Book(bookID)
	if err != nil {
		return Shelf{}, err
	}
	call, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	resp, err := c.api.SimilarBooks(call, &recommendationsv1.SimilarBooksRequest{
		BookId: bookID, MaxResults: int32(maxResults),
	})
	if err != nil {
		return c.fallback(ctx, err, book.Categories[0], bookID, maxResults), nil
	}
	c.feed.sawVersion(resp.GetCatalogVersion())
	return Shelf{Items: items(resp.GetRecommendations()), Source: Similar, ServedBy: resp.GetServedBy()}, nil
}

// fallback returns the shop's own bestsellers but the book except.
func (c *Client) fallback(ctx context.Context, err error, category string, except int64, maxResults int) Shelf {
	why := fromStatus(err)
	if ctx.Err() == nil { // else the reader went away, which is nobody's fault
		c.metrics.fallbacks.WithLabelValues(reason(why)).Inc()
		telemetry.Logger(ctx, c.log).Info("bestsellers instead of recommendations", "cause", why.Error(), "error", err.Error())
		if errors.Is(why, errMismatch) {
			c.feed.refresh()
		}
	}
	shelf := Shelf{Source: Fallback, Cause: why}
	for _, b := range c.catalog.Bestsellers(category, maxResults+1) {
		if b.ID == except || len(shelf.Items) == maxResults {
			continue
		}
		shelf.Items = append(shelf.Items, Item{
			BookID: b.ID, Title: b.Title, Author: b.Author, Categories: b.Categories, Score: float64(b.Popularity),
		})
	}
	return shelf
}

func items(recommendations []*recommendationsv1.Recommendation) []Item {
	list := make([]Item, len(recommendations))
	for i, r := range recommendations {
		list[i] = Item{
			BookID: r.GetBookId(), Title: r.GetTitle(), Author: r.GetAuthor(), Categories: r.GetCategories(),
			Score: r.GetScore(), BecauseID: r.GetBecause().GetBookId(), BecauseTitle: r.GetBecause().GetTitle(),
		}
	}
	return list
}
