package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/engine"
	"bookstall/recommendations/internal/evaluate"
	"bookstall/recommendations/internal/models"
	"bookstall/recommendations/internal/store"
)

// trial is a model that was trained without a fifth of the readers, always the same, and
// measured on them. It stands for the model of all readers, which cannot be measured: it
// knows them all.
type trial struct {
	model    models.Model
	metrics  models.Metrics
	split    evaluate.Split
	settings engineSettings
}

// A model is kept aside if its trial is worse than that of the active model by more than
// mostWorse, on the same readers, who must be at least fewestJudges.
const (
	mostWorse    = 0.05
	fewestJudges = 200
)

// tryHeldOut trains and measures a trial, as package evaluate does. It returns nil if there
// are too few readers.
func tryHeldOut(ctx context.Context, in models.Input) (*trial, error) {
	var ids []int64
	known := map[int64]bool{}
	m := models.Model{Metadata: models.Metadata{Method: models.Method, Parameters: in.Params, CatalogVersion: in.Catalog.Version, Books: len(in.Catalog.Books)}}
	for _, b := range in.Catalog.Books {
		ids = append(ids, b.ID)
		known[b.ID] = true
		m.Books = append(m.Books, models.KeyOf(b))
	}
	data, err := evaluate.NewData(ids, func(yield func(evaluate.Rating) bool) {
		for reader := range in.Readers {
			more := true
			_ = domain.EachEntry(reader.History, func(e domain.Entry) { // Train has checked it
				stars := e.Stars
				if e.Liked || e.Purchased {
					stars = 5
				}
				if more && stars > 0 && known[e.BookID] {
					more = yield(evaluate.Rating{Reader: reader.ID, Book: e.BookID, Stars: stars})
				}
			})
			if !more {
				return
			}
		}
	})
	if err != nil {
		return nil, err
	}
	t := &trial{split: data.Split(0, nil), settings: servingSettings()}
	if len(t.split.Cases) == 0 {
		return nil, nil
	}
	if m.Weights, err = engine.Train(ctx, t.settings.dataset(t.split, models.Authors(in.Catalog.Books)), in.Params, in.Workers); err != nil {
		return nil, err
	}
	m.Metadata.Readers, m.Metadata.Weights = len(t.split.Train), len(m.Weights.Targets)
	t.model = m
	t.metrics, err = t.measure(m.Weights)
	return t, err
}

// measure measures weights on the readers of the trial.
func (t *trial) measure(weights engine.Model) (models.Metrics, error) {
	ranker, err := engine.NewRanker(engine.Config{Model: weights, Prior: t.settings.prior})
	if err != nil {
		return models.Metrics{}, err
	}
	result, err := evaluate.MeasureCases(t.split, t.settings.rank(ranker, engine.AnyCategory), 1)
	return models.Metrics{
		Readers: result.Readers, NDCG100: result.NDCG100, Recall20: result.Recall20,
		Recall50: result.Recall50, Coverage20: result.Coverage20,
	}, err
}

// worseThanActive returns why a model must not take the place of the active one, "" if it
// may. Only a model without readers is refused even by force.
func worseThanActive(ctx context.Context, s *store.Store, m trained, force bool) (reason string, err error) {
	list, err := s.Models(ctx)
	if err != nil {
		return "", err
	}
	for _, other := range list {
		if !other.Active {
			continue
		}
		var active models.Metadata
		if err := json.Unmarshal(other.Metadata, &active); err != nil {
			return "", fmt.Errorf("model %s: %w", other.Version, err)
		}
		switch {
		case m.Metadata.Readers == 0 && active.Readers > 0:
			return fmt.Sprintf("it has no readers, and the active model %s has %d", other.Version, active.Readers), nil
		case force || m.trial == nil || m.trial.metrics.Readers < fewestJudges || active.CatalogVersion != m.Metadata.CatalogVersion:
			return "", nil
		}
		return m.trial.compare(ctx, s, other.Version)
	}
	return "", nil
}

// compare returns why the trial is worse than that of another model, "" if it is not.
func (t *trial) compare(ctx context.Context, s *store.Store, version string) (reason string, err error) {
	other, err := models.Load(ctx, s, version+domain.TrialSuffix)
	switch {
	case errors.Is(err, domain.ErrModelNotFound), errors.Is(err, models.ErrDamaged), errors.Is(err, models.ErrUnknownFormat):
		return "", nil // it was not measured, or not by this program
	case err != nil:
		return "", err
	case other.Metadata.CatalogVersion != t.model.Metadata.CatalogVersion:
		return "", nil // books have other places
	}
	theirs, err := t.measure(other.Weights)
	if err != nil {
		return "", err
	}
	if ours := t.metrics.NDCG100; ours < (1-mostWorse)*theirs.NDCG100 {
		return fmt.Sprintf("its NDCG@100 is %.4f, and that of the active model %s is %.4f on the same %d readers", ours, version, theirs.NDCG100, theirs.Readers), nil
	}
	return "", nil
}
