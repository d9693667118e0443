package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"bookstall/internal/config"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/models"
	"bookstall/recommendations/internal/store"
)

// modelCommands manage the models of a store.
type modelCommands struct {
	List     modelList     `cmd:"" help:"List the models of the store, newest first."`
	Show     modelShow     `cmd:"" help:"Show what a model was trained on and how good it is."`
	Activate modelActivate `cmd:"" help:"Activate a model."`
	Rollback modelRollback `cmd:"" help:"Reactivate the previous model. Twice goes back twice."`
	Add      modelAdd      `cmd:"" help:"Save a model from a file in the store, without activating it."`
}

type modelList struct {
	storeFlag `embed:""`
}

// Run prints a table.
func (c *modelList) Run(ctx context.Context, to config.Streams) error {
	return c.use(ctx, func(s *store.Store) error {
		list, err := s.Models(ctx)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			fmt.Fprintln(to.Out, "the store has no models; recommendations train makes one")
			return nil
		}
		w := tabwriter.NewWriter(to.Out, 0, 0, 2, ' ', 0)
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
			switch {
			case m.Active:
				active = "since " + m.ActivatedAt.Format(time.DateTime)
			case !m.ActivatedAt.IsZero():
				active = "last " + m.ActivatedAt.Format(time.DateTime)
			case meta.Aside != "":
				active = "kept aside: " + meta.Aside
			}
			fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%s\t%s\n",
				m.Version, m.CreatedAt.Format(time.DateTime), m.Size, meta.Readers, meta.Positives, quality, active)
		}
		return w.Flush()
	})
}

// find returns the version that a prefix names.
//
// Error: domain.ErrModelNotFound, or several versions begin with it.
func find(ctx context.Context, s *store.Store, prefix string) (string, error) {
	list, err := s.Models(ctx)
	if err != nil {
		return "", err
	}
	var versions []string
	for _, m := range list {
		versions = append(versions, m.Version)
	}
	return match(versions, prefix)
}

// match returns the version that begins with prefix, as find does.
func match(versions []string, prefix string) (string, error) {
	if prefix == "" { // perhaps a variable of a script that is not set
		return "", errors.New("the version is empty, want the beginning of one that models list shows")
	}
	found := slices.DeleteFunc(versions, func(version string) bool { return !strings.HasPrefix(version, prefix) })
	switch {
	case len(found) == 0:
		return "", fmt.Errorf("%w: %q", domain.ErrModelNotFound, prefix)
	case len(found) > 1 && !slices.Contains(found, prefix):
		return "", fmt.Errorf("%q begins the versions of %d models: %s", prefix, len(found), strings.Join(found, ", "))
	case len(found) > 1:
		return prefix, nil
	}
	return found[0], nil
}

type modelShow struct {
	storeFlag `embed:""`
	Version   string `arg:"" help:"Version of the model, from models list, or its beginning."`
}

// Run prints the metadata as JSON.
func (c *modelShow) Run(ctx context.Context, to config.Streams) error {
	return c.use(ctx, func(s *store.Store) error {
		version, err := find(ctx, s, c.Version)
		if err != nil {
			return err
		}
		model, err := models.Load(ctx, s, version)
		if err != nil {
			return err
		}
		e := json.NewEncoder(to.Out)
		e.SetIndent("", "  ")
		return e.Encode(model.Metadata)
	})
}

type modelActivate struct {
	storeFlag `embed:""`
	Version   string `arg:"" help:"Version of the model, from models list, or its beginning."`
}

// Run refuses a model that no replica could use.
func (c *modelActivate) Run(ctx context.Context, to config.Streams) error {
	return c.change(ctx, "models activate", to, func(ctx context.Context, s *store.Store) error {
		version, err := find(ctx, s, c.Version)
		if err != nil {
			return err
		}
		model, err := models.Load(ctx, s, version)
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
		if err := s.Activate(ctx, version); err != nil {
			return err
		}
		fmt.Fprintf(to.Out, "model %s is active\n", version)
		return nil
	})
}

type modelRollback struct {
	storeFlag `embed:""`
}

// Run activates the previous model. It refuses one that no replica could use.
func (c *modelRollback) Run(ctx context.Context, to config.Streams) error {
	return c.change(ctx, "models rollback", to, func(ctx context.Context, s *store.Store) error {
		catalog, err := s.Catalog(ctx)
		if err != nil {
			return err
		}
		from, back, err := s.Rollback(ctx, func(version string, artefact []byte) error {
			model, err := models.Decode(artefact)
			if err == nil {
				_, err = model.For(catalog.Books)
			}
			if err != nil {
				return fmt.Errorf("the previous model %s cannot be used, and was not activated: %w", version, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(to.Out, "model %s is active again, in place of %s\n", back, from)
		return nil
	})
}

type modelAdd struct {
	storeFlag `embed:""`
	File      string `arg:"" type:"existingfile" help:"File that train --out wrote."`
}

// Run saves the model.
func (c *modelAdd) Run(ctx context.Context, to config.Streams) error {
	return c.change(ctx, "models add", to, func(ctx context.Context, s *store.Store) error {
		encoded, err := os.ReadFile(c.File)
		if err != nil {
			return err
		}
		model, err := models.Decode(encoded)
		if err != nil {
			return fmt.Errorf("%s: %w", c.File, err)
		}
		return publish(ctx, s, trained{Model: model}, false, false, to.Out)
	})
}
