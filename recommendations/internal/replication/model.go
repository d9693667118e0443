package replication

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/engine"
	"bookstall/recommendations/internal/modelfile"
	"bookstall/recommendations/internal/store"
	"bookstall/recommendations/internal/training"
)

// TrainLock is held by who trains, so that others wait for that model.
const TrainLock = "train"

// inUse is a model that was checked.
type inUse struct {
	version string
	model   modelfile.Model
}

// serve answers from the catalogue of the store, with the model that is active
// there. A model that cannot be used is refused, and the old one goes on as far
// as it fits the catalogue.
func (l *Replicator) serve(ctx context.Context, head store.Head) error {
	catalog, err := l.Store.Catalog(ctx)
	if err != nil {
		return err
	}
	if head.CatalogVersion = catalog.Version; catalog.Version == "" {
		return errors.New("the store has no books any more")
	}
	next, weights, err := l.usable(ctx, head, catalog)
	if err != nil {
		return err
	}
	if err := l.Recommender.Serve(catalog, weights); err != nil {
		return err
	}
	if l.head.CatalogVersion != "" && catalog.Version != l.head.CatalogVersion {
		l.Log.Info("new catalogue", "books", len(catalog.Books), "version", catalog.Version, "before", l.head.CatalogVersion)
	}
	if next != nil && (l.model == nil || l.model.version != next.version) {
		l.Log.Info("model in use", "model", next.version, "readers", next.model.Metadata.Readers,
			"positives", next.model.Metadata.Positives, "trainedOnCatalog", next.model.Metadata.CatalogVersion)
	}
	l.metrics.inUse(next)
	l.model, l.head = next, head
	return nil
}

// usable returns the best model there is for a catalogue: the active one, a new
// one, the one in use, none.
func (l *Replicator) usable(ctx context.Context, head store.Head, catalog domain.Catalog) (*inUse, engine.Model, error) {
	next, weights, err := l.fetch(ctx, head.Model, catalog)
	if err == nil {
		return next, weights, nil
	}
	if !refusal(err) {
		return nil, engine.Model{}, err
	}
	switch {
	case head.Model == "":
	case head.Activation != l.head.Activation:
		l.metrics.refused.Inc()
		l.Log.Error(err, "the active model is refused", "model", head.Model)
	default: // it was in use: the books are new
		l.Log.Info("the active model does not fit the new books", "model", head.Model, "reason", err.Error())
	}
	if l.model != nil {
		if weights, err := l.model.model.For(catalog.Books); err == nil {
			return l.model, weights, nil
		}
	}
	if l.Train {
		return l.train(catalog)
	}
	l.Log.Info("no model fits the catalogue: everybody gets bestsellers until one is trained")
	return nil, engine.Model{RowStart: make([]int32, len(catalog.Books)+1), Counts: make([]int32, len(catalog.Books))}, nil
}

var errNoModel = errors.New("no model is active")

// refusal reports whether an error is of the model itself, so that asking again
// does not help.
func refusal(err error) bool {
	for _, is := range []error{errNoModel, store.ErrModelNotFound, modelfile.ErrDamaged, modelfile.ErrUnknownFormat, modelfile.ErrForeign} {
		if errors.Is(err, is) {
			return true
		}
	}
	return false
}

// fetch reads a model and fits it to a catalogue.
func (l *Replicator) fetch(ctx context.Context, version string, catalog domain.Catalog) (*inUse, engine.Model, error) {
	if version == "" {
		return nil, engine.Model{}, errNoModel
	}
	next := l.model
	if next == nil || next.version != version {
		stored, err := l.Store.Model(ctx, version)
		if err != nil {
			return nil, engine.Model{}, err
		}
		next = &inUse{version: version}
		if next.model, err = modelfile.Decode(stored.Artefact); err != nil {
			return nil, engine.Model{}, err
		}
	}
	weights, err := next.model.For(catalog.Books)
	return next, weights, err
}

// train trains from the histories in memory, unless another replica did while
// this one waited for its turn. However long that takes: shelves are answered
// meanwhile, by the old books and model.
func (l *Replicator) train(catalog domain.Catalog) (next *inUse, weights engine.Model, err error) {
	err = l.Store.WithLock(l.ctx, TrainLock, func(ctx context.Context) error {
		head, err := l.Store.Head(ctx)
		if err != nil {
			return err
		}
		if next, weights, err = l.fetch(ctx, head.Model, catalog); err == nil || !refusal(err) {
			return err
		}
		l.Log.Info("no model fits the catalogue: training one", "books", len(catalog.Books), "readers", l.Recommender.Readers())
		model, err := training.Train(ctx, training.Input{
			Catalog: catalog, Params: engine.DefaultParams(), Workers: l.Workers,
			Histories: func(yield func(int64, []byte) bool) {
				l.eachHistory(yield)
			},
		})
		if err != nil {
			return fmt.Errorf("train: %w", err)
		}
		debug.FreeOSMemory() // training took much more than serving does
		next, weights = &inUse{model: model}, model.Weights
		next.version, err = l.publish(ctx, model)
		return err
	})
	return next, weights, err
}

func (l *Replicator) eachHistory(yield func(int64, []byte) bool) {
	for _, r := range l.Recommender.All() {
		if !yield(r.ID, r.History) {
			return
		}
	}
}

// publish saves a model and makes it the active one. It returns its version.
func (l *Replicator) publish(ctx context.Context, model modelfile.Model) (version string, err error) {
	stored, err := Stored(model, time.Now())
	if err != nil {
		return "", err
	}
	if err := l.Store.SaveModel(ctx, stored); err != nil {
		return "", err
	}
	return stored.Version, l.Store.Activate(ctx, stored.Version)
}

// Stored is a model as stores keep it.
func Stored(model modelfile.Model, at time.Time) (store.Model, error) {
	artefact, err := modelfile.Encode(model)
	if err != nil {
		return store.Model{}, fmt.Errorf("encode: %w", err)
	}
	metadata, err := json.Marshal(model.Metadata)
	if err != nil {
		return store.Model{}, fmt.Errorf("metadata: %w", err)
	}
	return store.Model{Version: modelfile.Version(artefact), CreatedAt: at, Metadata: metadata, Artefact: artefact}, nil
}
