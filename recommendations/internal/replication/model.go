package replication

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"bookstall/internal/telemetry"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/engine"
	"bookstall/recommendations/internal/models"
	"bookstall/recommendations/internal/store"
)

// loadedModel is a model in memory.
type loadedModel struct {
	models.Model
	version string
}

// serve loads the store's catalogue and its active model into memory. An
// active model that cannot be used is refused; the model in use stays then, if it
// fits the catalogue.
func (r *Replicator) serve(ctx context.Context, head store.Head) error {
	catalog, err := r.Store.Catalog(ctx)
	if err != nil {
		return err
	}
	if head.CatalogVersion = catalog.Version; catalog.Version == "" {
		return errors.New("the store has no books any more")
	}
	next, weights, err := r.chooseModel(ctx, head, catalog)
	if err != nil {
		return err
	}
	if err := r.Recommender.Serve(catalog, weights); err != nil {
		return err
	}
	if r.head.CatalogVersion != "" && catalog.Version != r.head.CatalogVersion {
		r.Log.Info("new catalogue", "books", len(catalog.Books), "version", catalog.Version, "before", r.head.CatalogVersion)
	}
	if next != nil && (r.model == nil || r.model.version != next.version) {
		r.Log.Info("model in use", "model", next.version, "readers", next.Metadata.Readers,
			"positives", next.Metadata.Positives, "trainedOnCatalog", next.Metadata.CatalogVersion)
	}
	r.metrics.setModel(next)
	r.model, r.head = next, head
	return nil
}

// chooseModel returns the best model there is for a catalogue: the active one, else
// the one in use, else a newly trained one, else none.
func (r *Replicator) chooseModel(ctx context.Context, head store.Head, catalog domain.Catalog) (*loadedModel, engine.Model, error) {
	next, weights, err := r.fetch(ctx, head.Model, catalog)
	if err == nil {
		return next, weights, nil
	}
	if !isRefusal(err) {
		return nil, engine.Model{}, err
	}
	switch {
	case head.Model == "":
	case head.Activation != r.head.Activation:
		r.metrics.refused.Inc()
		r.Log.Error(err, "active model refused", "model", head.Model)
	default: // the model is in use and the catalogue is new
		telemetry.Warn(r.Log, "active model does not fit the new catalogue", "model", head.Model, "reason", err.Error())
	}
	if r.model != nil {
		if weights, err := r.model.For(catalog.Books); err == nil {
			return r.model, weights, nil
		}
	}
	if r.Train {
		return r.train(catalog)
	}
	telemetry.Warn(r.Log, "no model fits the catalogue: all readers get bestsellers until one is trained")
	return nil, engine.Model{RowStart: make([]int32, len(catalog.Books)+1), Counts: make([]int32, len(catalog.Books))}, nil
}

var errNoModel = errors.New("no model is active")

// isRefusal reports whether the model itself is at fault, so that another attempt
// cannot succeed.
func isRefusal(err error) bool {
	for _, is := range []error{errNoModel, domain.ErrModelNotFound, models.ErrDamaged, models.ErrUnknownFormat, models.ErrForeign} {
		if errors.Is(err, is) {
			return true
		}
	}
	return false
}

// fetch loads a model, unless it is the one in use, and fits it to a catalogue.
func (r *Replicator) fetch(ctx context.Context, version string, catalog domain.Catalog) (*loadedModel, engine.Model, error) {
	if version == "" {
		return nil, engine.Model{}, errNoModel
	}
	next := r.model
	if next == nil || next.version != version {
		model, err := models.Load(ctx, r.Store, version)
		if err != nil {
			return nil, engine.Model{}, err
		}
		next = &loadedModel{model, version}
	}
	weights, err := next.For(catalog.Books)
	return next, weights, err
}

// train trains from the histories in memory, unless another replica trained a model
// while this one waited for the lock. There is no time limit: meanwhile, shelves come
// from the old catalogue and model.
func (r *Replicator) train(catalog domain.Catalog) (next *loadedModel, weights engine.Model, err error) {
	err = r.Store.WithLock(r.ctx, models.TrainLock, func(ctx context.Context) error {
		head, err := r.Store.Head(ctx)
		if err != nil {
			return err
		}
		if next, weights, err = r.fetch(ctx, head.Model, catalog); err == nil || !isRefusal(err) {
			return err
		}
		r.Log.Info("no model fits the catalogue: training one", "books", len(catalog.Books), "readers", r.Recommender.Readers())
		model, err := models.Train(ctx, models.Input{
			Catalog: catalog, Readers: slices.Values(r.Recommender.All()), Params: engine.DefaultParams(), Workers: r.Workers,
		})
		if err != nil {
			return fmt.Errorf("train: %w", err)
		}
		debug.FreeOSMemory() // training used much more than serving does
		stored, err := models.Publish(ctx, r.Store, model, true)
		model.Metadata.Created = stored.CreatedAt
		next, weights = &loadedModel{model, stored.Version}, model.Weights
		return err
	})
	return next, weights, err
}
