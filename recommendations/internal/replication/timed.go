package replication

import (
	"context"
	"time"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/store"
)

// Values of the label operation.
const (
	opHead      = "head"
	opCatalog   = "catalog"
	opHistories = "histories"
	opHistory   = "history"
	opRecord    = "record"
	opForget    = "forget"
	opReaderID  = "reader_id"
)

// timedStore measures the calls of a store that come again and again.
type timedStore struct {
	Store
	metrics *metrics
}

func (s timedStore) took(operation string, began time.Time) {
	s.metrics.store.WithLabelValues(operation).Observe(time.Since(began).Seconds())
}

func (s timedStore) Head(ctx context.Context) (store.Head, error) {
	defer s.took(opHead, time.Now())
	return s.Store.Head(ctx)
}

func (s timedStore) Catalog(ctx context.Context) (domain.Catalog, error) {
	defer s.took(opCatalog, time.Now())
	return s.Store.Catalog(ctx)
}

func (s timedStore) Histories(ctx context.Context, after store.Position, yield func(domain.Reader) error) (store.Position, error) {
	defer s.took(opHistories, time.Now())
	return s.Store.Histories(ctx, after, yield)
}

func (s timedStore) History(ctx context.Context, userID int64) (domain.Reader, error) {
	defer s.took(opHistory, time.Now())
	return s.Store.History(ctx, userID)
}

func (s timedStore) Record(ctx context.Context, list []domain.Interaction) ([]domain.Outcome, error) {
	defer s.took(opRecord, time.Now())
	return s.Store.Record(ctx, list)
}

func (s timedStore) Forget(ctx context.Context, userID, generation int64) (domain.Reader, error) {
	defer s.took(opForget, time.Now())
	return s.Store.Forget(ctx, userID, generation)
}

func (s timedStore) ReaderID(ctx context.Context, text string, add bool) (int64, error) {
	defer s.took(opReaderID, time.Now())
	return s.Store.ReaderID(ctx, text, add)
}
