package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"bookstall/internal/atomicfile"
	"bookstall/internal/config"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/engine"
	"bookstall/recommendations/internal/evaluate"
	"bookstall/recommendations/internal/models"
	"bookstall/recommendations/internal/store"
)

// trainCommand trains a model.
type trainCommand struct {
	storeFlag `embed:""`

	Out      string `env:"-" placeholder:"FILE" help:"Also write the model to a file."`
	Activate bool   `env:"-" help:"Activate the model. Replicas load it within a second." default:"true" negatable:""`
	Measure  bool   `env:"-" help:"Train a second model without a fifth of the readers, measure it on them, and save the result with the model." default:"true" negatable:""`
	Keep     int    `env:"-" help:"How many models to keep in the store, besides the active and the previous one." default:"10"`

	workersFlag `embed:""`
}

// Validate is called by Kong.
func (c *trainCommand) Validate() error {
	errs := []error{c.storeFlag.validate(), c.workersFlag.validate()}
	if c.Keep < 0 {
		errs = append(errs, fmt.Errorf("--keep is %d, want 0 or more", c.Keep))
	}
	return errors.Join(errs...)
}

// Run trains while no other process does.
func (c *trainCommand) Run(ctx context.Context, to config.Streams) error {
	return c.use(func(s *store.Store) error {
		return s.WithLock(ctx, models.TrainLock, func(ctx context.Context) error { return c.train(ctx, s, to.Out) })
	})
}

func (c *trainCommand) train(ctx context.Context, s *store.Store, stdout io.Writer) error {
	model, err := trainFrom(ctx, s, c.count(), c.Measure, stdout)
	if err != nil {
		return err
	}
	if c.Out != "" {
		encoded, err := models.Encode(model)
		if err != nil {
			return err
		}
		if err := atomicfile.WriteFile(c.Out, encoded, 0o600); err != nil {
			return err
		}
	}
	if err := publish(ctx, s, model, c.Activate, stdout); err != nil {
		return err
	}
	deleted, err := s.PruneModels(ctx, c.Keep)
	if deleted > 0 {
		fmt.Fprintf(stdout, "%d old models deleted\n", deleted)
	}
	return err
}

// trainFrom trains a model from a store.
func trainFrom(ctx context.Context, s *store.Store, workers int, measure bool, stdout io.Writer) (models.Model, error) {
	in, err := trainingInput(ctx, s, workers)
	if err != nil {
		return models.Model{}, err
	}
	began := time.Now()
	model, err := models.Train(ctx, in)
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, context.Canceled):
		return models.Model{}, errors.New("interrupted: no model was saved")
	case cause != nil:
		return models.Model{}, fmt.Errorf("no model was saved: %w", cause)
	}
	if err != nil {
		return models.Model{}, err
	}
	m := &model.Metadata
	fmt.Fprintf(stdout, "trained on %d readers who like %d books %d times, in %v\n",
		m.Readers, m.Books, m.Positives, time.Since(began).Round(time.Millisecond))
	if !measure {
		return model, nil
	}
	if m.Metrics, err = measureHeldOut(ctx, in); err != nil {
		return models.Model{}, fmt.Errorf("measure: %w", err)
	}
	if q := m.Metrics; q != nil {
		fmt.Fprintf(stdout, "measured on %d readers held out of another training: NDCG@100 %.4f, Recall@20 %.4f, Recall@50 %.4f, coverage@20 %.4f\n",
			q.Readers, q.NDCG100, q.Recall20, q.Recall50, q.Coverage20)
	} else {
		fmt.Fprintln(stdout, "not measured: too few readers to hold some out")
	}
	return model, nil
}

func trainingInput(ctx context.Context, s *store.Store, workers int) (models.Input, error) {
	catalog, err := s.Catalog(ctx)
	if err != nil {
		return models.Input{}, err
	}
	if len(catalog.Books) == 0 {
		return models.Input{}, errors.New("the store has no books: import some")
	}
	var readers []domain.Reader
	_, err = s.Histories(ctx, store.Position{}, func(r domain.Reader) error {
		readers = append(readers, r)
		return nil
	})
	return models.Input{
		Catalog: catalog, Readers: slices.Values(readers), Params: engine.DefaultParams(), Workers: workers,
	}, err
}

// publish saves a model in the store, activates it if asked to, and reports that.
// Error: the model was not activated, because the active one is better.
func publish(ctx context.Context, s *store.Store, model models.Model, activate bool, stdout io.Writer) error {
	worse := ""
	if activate {
		var err error
		if worse, err = worseThanActive(ctx, s, model.Metadata); err != nil {
			return err
		}
	}
	stored, err := models.Publish(ctx, s, model, activate && worse == "")
	if err != nil {
		return err
	}
	if worse != "" {
		return fmt.Errorf("model %s is in the store, and was not activated: %s", stored.Version, worse)
	}
	state := "in the store; it is not active"
	if activate {
		state = "active"
	}
	fmt.Fprintf(stdout, "model %s, %d bytes, is %s\n", stored.Version, len(stored.Artefact), state)
	return nil
}

// worseThanActive returns why a model must not take the place of the active one, "" if it
// may.
func worseThanActive(ctx context.Context, s *store.Store, m models.Metadata) (reason string, err error) {
	list, err := s.Models(ctx)
	if err != nil || m.Readers > 0 {
		return "", err
	}
	for _, other := range list {
		var active models.Metadata
		if !other.Active {
			continue
		}
		if err := json.Unmarshal(other.Metadata, &active); err != nil {
			return "", fmt.Errorf("model %s: %w", other.Version, err)
		}
		if active.Readers > 0 {
			return fmt.Sprintf("it has no readers, and the active model %s has %d", other.Version, active.Readers), nil
		}
	}
	return "", nil
}

// measureHeldOut trains a model without a fifth of the readers and measures it on
// them, as package evaluate does. It returns nil if there are too few readers.
func measureHeldOut(ctx context.Context, in models.Input) (*models.Metrics, error) {
	var ids []int64
	known := map[int64]bool{}
	for _, b := range in.Catalog.Books {
		ids = append(ids, b.ID)
		known[b.ID] = true
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
	split := data.Split(0, nil)
	if len(split.Cases) == 0 {
		return nil, nil
	}
	settings := servingSettings()
	weights, err := engine.Train(ctx, settings.dataset(split, models.Authors(in.Catalog.Books)), in.Params, in.Workers)
	if err != nil {
		return nil, err
	}
	ranker, err := engine.NewRanker(engine.Config{Model: weights, Prior: settings.prior})
	if err != nil {
		return nil, err
	}
	result, err := evaluate.MeasureCases(split, settings.rank(ranker, engine.AnyCategory), 1)
	if err != nil {
		return nil, err
	}
	return &models.Metrics{
		Readers: result.Readers, NDCG100: result.NDCG100, Recall20: result.Recall20,
		Recall50: result.Recall50, Coverage20: result.Coverage20,
	}, nil
}
