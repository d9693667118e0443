package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"bookstall/internal/atomicfile"
	"bookstall/internal/config"
	"bookstall/internal/telemetry"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/engine"
	"bookstall/recommendations/internal/models"
	"bookstall/recommendations/internal/store"
)

// trainCommand trains a model.
type trainCommand struct {
	storeFlag `embed:""`

	Out      string `env:"-" placeholder:"FILE" help:"Also write the model to a file."`
	Activate bool   `env:"-" help:"Activate the model. Replicas load it within a second." default:"true" negatable:""`
	Measure  bool   `env:"-" help:"Train a second model without a fifth of the readers, measure it on them, and save the result with the model." default:"true" negatable:""`
	Force    bool   `env:"-" help:"Activate the model even if it is worse than the active one."`
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
	return c.change(ctx, "train", to, func(ctx context.Context, s *store.Store) error {
		return s.WithLock(ctx, models.TrainLock, func(ctx context.Context) error { return c.train(ctx, s, to.Out) })
	})
}

func (c *trainCommand) train(ctx context.Context, s *store.Store, stdout io.Writer) error {
	model, err := trainFrom(ctx, s, c.count(), c.Measure, stdout)
	if err != nil {
		return err
	}
	if c.Out != "" {
		encoded, err := models.Encode(model.Model)
		if err != nil {
			return err
		}
		if err := atomicfile.WriteFile(c.Out, encoded, 0o600); err != nil {
			return err
		}
	}
	if err := publish(ctx, s, model, c.Activate, c.Force, stdout); err != nil {
		return err
	}
	deleted, err := s.PruneModels(ctx, c.Keep)
	if deleted > 0 {
		fmt.Fprintf(stdout, "%d old models deleted\n", deleted)
	}
	return err
}

// trained is a model and its trial, which is nil if it was not measured.
type trained struct {
	models.Model
	trial *trial
}

// trainFrom trains a model from a store.
func trainFrom(ctx context.Context, s *store.Store, workers int, measure bool, stdout io.Writer) (trained, error) {
	step, done := telemetry.Step(ctx, "read the store")
	in, err := trainingInput(step, s, workers)
	done(err)
	if err != nil {
		return trained{}, err
	}
	began := time.Now()
	step, done = telemetry.Step(ctx, "train")
	model, err := models.Train(step, in)
	done(err)
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, context.Canceled):
		return trained{}, interrupted{"no model was saved"}
	case cause != nil:
		return trained{}, fmt.Errorf("no model was saved: %w", cause)
	}
	if err != nil {
		return trained{}, err
	}
	m := &model.Metadata
	fmt.Fprintf(stdout, "trained on %d readers who like %d books %d times, in %v\n",
		m.Readers, m.Books, m.Positives, time.Since(began).Round(time.Millisecond))
	if !measure {
		return trained{model, nil}, nil
	}
	step, done = telemetry.Step(ctx, "measure")
	trial, err := tryHeldOut(step, in)
	done(err)
	if err != nil {
		return trained{}, fmt.Errorf("measure: %w", err)
	}
	if trial == nil {
		fmt.Fprintln(stdout, "not measured: too few readers to hold some out")
		return trained{model, nil}, nil
	}
	q := &trial.metrics
	m.Metrics = q
	fmt.Fprintf(stdout, "measured on %d readers held out of another training: NDCG@100 %.4f, Recall@20 %.4f, Recall@50 %.4f, coverage@20 %.4f\n",
		q.Readers, q.NDCG100, q.Recall20, q.Recall50, q.Coverage20)
	return trained{model, trial}, nil
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
func publish(ctx context.Context, s *store.Store, m trained, activate, force bool, stdout io.Writer) (err error) {
	ctx, done := telemetry.Step(ctx, "publish the model")
	defer func() { done(err) }()
	if activate {
		if m.Metadata.Aside, err = worseThanActive(ctx, s, m, force); err != nil {
			return err
		}
	}
	stored, err := models.Publish(ctx, s, m.Model, activate && m.Metadata.Aside == "")
	if err != nil {
		return err
	}
	if m.trial != nil {
		if err := models.SaveTrial(ctx, s, stored.Version, m.trial.model); err != nil {
			return err
		}
	}
	if m.Metadata.Aside != "" {
		return fmt.Errorf("model %s is in the store, and was not activated: %s; models activate activates it all the same", stored.Version, m.Metadata.Aside)
	}
	state := "in the store; it is not active"
	if activate {
		state = "active"
	}
	fmt.Fprintf(stdout, "model %s, %d bytes, is %s\n", stored.Version, len(stored.Artefact), state)
	return nil
}
