package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/engine"
	"bookstall/recommendations/internal/evaluate"
	"bookstall/recommendations/internal/models"
	"bookstall/recommendations/internal/store"
)

// trainer is the command that makes a model.
type trainer struct {
	storeFlag `embed:""`

	Out      string `env:"-" placeholder:"FILE" help:"Write the model to a file, too."`
	Activate bool   `env:"-" help:"Make the model the active one: replicas take it up within a second." default:"true" negatable:""`
	Measure  bool   `env:"-" help:"Hold a fifth of the readers out of another training, and keep in the model how well they are served." default:"true" negatable:""`
	Keep     int    `env:"-" help:"How many models the store keeps, besides the active one and the one before." default:"10"`
	Workers  int    `env:"-" help:"Goroutines to train on; 0 for one a CPU." default:"0"`
}

// Validate is called by the parser.
func (c *trainer) Validate() error {
	var errs []error
	if err := store.CheckURL(c.Store); c.Store != "" && err != nil {
		errs = append(errs, fmt.Errorf("--store: %w", err))
	}
	if c.Keep < 0 {
		errs = append(errs, fmt.Errorf("--keep is %d, want 0 or more", c.Keep))
	}
	if c.Workers < 0 {
		errs = append(errs, fmt.Errorf("--workers is %d, want 0 or more", c.Workers))
	}
	return errors.Join(errs...)
}

func (c *trainer) run(ctx context.Context, stdout io.Writer) error {
	return c.use(func(s *store.Store) error {
		return s.WithLock(ctx, models.TrainLock, func(ctx context.Context) error { return c.train(ctx, s, stdout) })
	})
}

func (c *trainer) train(ctx context.Context, s *store.Store, stdout io.Writer) error {
	model, err := trainFrom(ctx, s, c.Workers, c.Measure, stdout)
	if err != nil {
		return err
	}
	if c.Out != "" {
		if err := writeModel(c.Out, model); err != nil {
			return err
		}
	}
	if err := publish(ctx, s, model, c.Activate, stdout); err != nil {
		return err
	}
	gone, err := s.PruneModels(ctx, c.Keep)
	if gone > 0 {
		fmt.Fprintf(stdout, "%d old models deleted\n", gone)
	}
	return err
}

// trainStore trains from a store and activates the model there.
func trainStore(ctx context.Context, s *store.Store, workers int, measure bool, stdout io.Writer) error {
	model, err := trainFrom(ctx, s, workers, measure, stdout)
	if err != nil {
		return err
	}
	return publish(ctx, s, model, true, stdout)
}

// trainFrom trains from what a store holds.
func trainFrom(ctx context.Context, s *store.Store, workers int, measure bool, stdout io.Writer) (models.Model, error) {
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	catalog, err := s.Catalog(ctx)
	if err != nil {
		return models.Model{}, err
	}
	if len(catalog.Books) == 0 {
		return models.Model{}, errors.New("the store has no books: import some")
	}
	var readers []domain.Reader
	_, err = s.Histories(ctx, 0, func(r domain.Reader) error {
		readers = append(readers, r)
		return nil
	})
	if err != nil {
		return models.Model{}, err
	}
	return trainOn(ctx, catalog, readers, workers, measure, stdout)
}

func trainOn(ctx context.Context, catalog domain.Catalog, readers []domain.Reader, workers int, measure bool, stdout io.Writer) (models.Model, error) {
	in := models.Input{Catalog: catalog, Readers: slices.Values(readers), Params: engine.DefaultParams(), Workers: workers}
	began := time.Now()
	model, err := models.Train(ctx, in)
	if ctx.Err() != nil {
		return models.Model{}, errors.New("interrupted: no model was kept")
	}
	if err != nil {
		return models.Model{}, err
	}
	m := model.Metadata
	fmt.Fprintf(stdout, "trained on %d readers who like %d books %d times, in %v\n",
		m.Readers, m.Books, m.Positives, time.Since(began).Round(time.Millisecond))
	if !measure {
		return model, nil
	}
	model.Metadata.Metrics, err = heldOut(ctx, in)
	if err != nil {
		return models.Model{}, fmt.Errorf("measure: %w", err)
	}
	if q := model.Metadata.Metrics; q != nil {
		fmt.Fprintf(stdout, "measured on %d readers held out of another training: NDCG@100 %.4f, Recall@20 %.4f, Recall@50 %.4f, coverage@20 %.4f\n",
			q.Readers, q.NDCG100, q.Recall20, q.Recall50, q.Coverage20)
	} else {
		fmt.Fprintln(stdout, "too few readers to hold some out: not measured")
	}
	return model, nil
}

// publish keeps a model in the store.
func publish(ctx context.Context, s *store.Store, model models.Model, activate bool, stdout io.Writer) error {
	stored, err := models.Publish(ctx, s, model, activate)
	if err != nil {
		return err
	}
	if !activate {
		fmt.Fprintf(stdout, "model %s, %d bytes, is in the store; it is not active\n", stored.Version, len(stored.Artefact))
		return nil
	}
	fmt.Fprintf(stdout, "model %s, %d bytes, is active\n", stored.Version, len(stored.Artefact))
	return nil
}

// writeModel writes a model to a file, whole or not at all.
func writeModel(path string, model models.Model) (err error) {
	encoded, err := models.Encode(model)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(encoded)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// modelCommands are the commands that manage models.
type modelCommands struct {
	List     modelList     `cmd:"" help:"List the models of the store, the newest first."`
	Show     modelShow     `cmd:"" help:"Show what a model was made from and how good it is."`
	Activate modelActivate `cmd:"" help:"Make a model the active one."`
	Rollback modelRollback `cmd:"" help:"Make the model active that was so before."`
	Add      modelAdd      `cmd:"" help:"Put a model from a file into the store, without activating it."`
}

type modelList struct {
	storeFlag `embed:""`
}

func (c *modelList) run(ctx context.Context, stdout io.Writer) error {
	return c.use(func(s *store.Store) error {
		list, err := s.Models(ctx)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			fmt.Fprintln(stdout, "the store has no models; recommendations train makes one")
			return nil
		}
		w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "MODEL\tMADE\tBYTES\tREADERS\tPOSITIVES\tNDCG@100\tACTIVE")
		for _, m := range list {
			var meta models.Metadata
			if err := json.Unmarshal(m.Metadata, &meta); err != nil {
				return fmt.Errorf("model %s: %w", m.Version, err)
			}
			quality, active := "", ""
			if meta.Metrics != nil {
				quality = fmt.Sprintf("%.4f", meta.Metrics.NDCG100)
			}
			if m.Active {
				active = "since " + m.ActivatedAt.Format(time.DateTime)
			} else if !m.ActivatedAt.IsZero() {
				active = "last " + m.ActivatedAt.Format(time.DateTime)
			}
			fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%s\t%s\n",
				m.Version, m.CreatedAt.Format(time.DateTime), m.Size, meta.Readers, meta.Positives, quality, active)
		}
		return w.Flush()
	})
}

type modelShow struct {
	storeFlag `embed:""`
	Version   string `arg:"" help:"Version of the model, as models list has it."`
}

func (c *modelShow) run(ctx context.Context, stdout io.Writer) error {
	return c.use(func(s *store.Store) error {
		model, err := models.Load(ctx, s, c.Version)
		if err != nil {
			return err
		}
		e := json.NewEncoder(stdout)
		e.SetIndent("", "  ")
		return e.Encode(model.Metadata)
	})
}

type modelActivate struct {
	storeFlag `embed:""`
	Version   string `arg:"" help:"Version of the model, as models list has it."`
}

func (c *modelActivate) run(ctx context.Context, stdout io.Writer) error {
	return c.use(func(s *store.Store) error {
		// One that no replica could use is refused here rather than by all of them.
		model, err := models.Load(ctx, s, c.Version)
		if err != nil {
			return err
		}
		catalog, err := s.Catalog(ctx)
		if err != nil {
			return err
		}
		if _, err := model.For(catalog.Books); err != nil {
			return err
		}
		if err := s.Activate(ctx, c.Version); err != nil {
			return err
		}
		fmt.Fprintf(stdout, "model %s is active\n", c.Version)
		return nil
	})
}

type modelRollback struct {
	storeFlag `embed:""`
}

func (c *modelRollback) run(ctx context.Context, stdout io.Writer) error {
	return c.use(func(s *store.Store) error {
		from, to, err := s.Rollback(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(stdout, "model %s is active again, in place of %s\n", to, from)
		return nil
	})
}

type modelAdd struct {
	storeFlag `embed:""`
	File      string `arg:"" type:"existingfile" help:"Model that recommendations train --out wrote."`
}

func (c *modelAdd) run(ctx context.Context, stdout io.Writer) error {
	return c.use(func(s *store.Store) error {
		encoded, err := os.ReadFile(c.File)
		if err != nil {
			return err
		}
		model, err := models.Decode(encoded)
		if err != nil {
			return fmt.Errorf("%s: %w", c.File, err)
		}
		return publish(ctx, s, model, false, stdout)
	})
}

// heldOut measures a model that did not see a fifth of the readers on them, by
// the protocol of package evaluate; nil where there are too few.
func heldOut(ctx context.Context, in models.Input) (*models.Metrics, error) {
	var ids []int64
	for _, b := range in.Catalog.Books {
		ids = append(ids, b.ID)
	}
	known := make(map[int64]bool, len(ids))
	for _, id := range ids {
		known[id] = true
	}
	data, err := evaluate.NewData(ids, func(yield func(evaluate.Rating) bool) {
		for reader := range in.Readers {
			going := true
			_ = domain.EachEntry(reader.History, func(e domain.Entry) { // training has read it
				stars := e.Stars
				if e.Liked || e.Purchased {
					stars = 5
				}
				if going && stars > 0 && known[e.BookID] {
					going = yield(evaluate.Rating{Reader: reader.ID, Book: e.BookID, Stars: stars})
				}
			})
			if !going {
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
	serving := servingSettings()
	weights, err := engine.TrainContext(ctx, serving.dataset(split, models.Authors(in.Catalog.Books)), in.Params, in.Workers)
	if err != nil {
		return nil, err
	}
	ranker, err := engine.NewRanker(engine.Config{Model: weights, Prior: serving.prior})
	if err != nil {
		return nil, err
	}
	result, err := evaluate.MeasureCases(split, serving.recommender(ranker, engine.AnyCategory), 1)
	if err != nil {
		return nil, err
	}
	return &models.Metrics{
		Readers: result.Readers, NDCG100: result.NDCG100, Recall20: result.Recall20,
		Recall50: result.Recall50, Coverage20: result.Coverage20,
	}, nil
}
