package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"bookstall/recommendations/internal/domain"
)

// ModelInfo is a model without its weights.
type ModelInfo struct {
	Version     string
	CreatedAt   time.Time
	Metadata    []byte // JSON
	Size        int64  // size of the artefact, in bytes
	Active      bool
	ActivatedAt time.Time // last activation; zero for never
}

// SaveModel saves a model. If there is one of the same version it is the same model, as
// the version is a hash of it, and stays; unless it was damaged, or its metadata say more:
// then it is replaced.
func (s *Store) SaveModel(ctx context.Context, m domain.StoredModel) error {
	return s.change(ctx, "save model", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx,
			"INSERT INTO models (version, created_at, metadata, artefact) VALUES ($1, $2, $3, $4) "+
				"ON CONFLICT (version) DO UPDATE SET metadata = excluded.metadata, artefact = excluded.artefact "+
				"WHERE models.artefact <> excluded.artefact OR models.metadata <> excluded.metadata",
			m.Version, m.CreatedAt.UTC().Format(timeLayout), string(m.Metadata), m.Artefact)
		return err
	})
}

// Model returns a model.
//
// Error: domain.ErrModelNotFound.
func (s *Store) Model(ctx context.Context, version string) (m domain.StoredModel, err error) {
	if err := s.ready(ctx); err != nil {
		return domain.StoredModel{}, err
	}
	var at string
	err = s.read.QueryRowContext(ctx, "SELECT version, created_at, metadata, artefact FROM models WHERE version = $1", version).
		Scan(&m.Version, &at, &m.Metadata, &m.Artefact)
	if errors.Is(err, sql.ErrNoRows) {
		return domain.StoredModel{}, fmt.Errorf("%w: %q", domain.ErrModelNotFound, version)
	}
	if err == nil {
		m.CreatedAt, err = time.Parse(timeLayout, at)
	}
	return m, s.fault("model", s.checkRead(err))
}

// Models lists all models without their trials, newest first.
func (s *Store) Models(ctx context.Context) (list []ModelInfo, err error) {
	err = s.view(ctx, "models", func(tx *sql.Tx) error {
		list, err = readModels(ctx, tx)
		return err
	})
	return list, err
}

func readModels(ctx context.Context, q querier) ([]ModelInfo, error) {
	h, err := head(ctx, q)
	if err != nil {
		return nil, err
	}
	rows, err := q.QueryContext(ctx, `
		SELECT m.version, m.created_at, m.metadata, length(m.artefact), coalesce(max(a.at), '')
		FROM models m LEFT JOIN activations a ON a.version = m.version
		WHERE m.version NOT LIKE '%`+domain.TrialSuffix+`'
		GROUP BY m.version, m.created_at, m.metadata, length(m.artefact) ORDER BY m.created_at DESC, m.version`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []ModelInfo
	for rows.Next() {
		var m ModelInfo
		var created, activated string
		if err := rows.Scan(&m.Version, &created, &m.Metadata, &m.Size, &activated); err != nil {
			return nil, err
		}
		if m.CreatedAt, err = time.Parse(timeLayout, created); err != nil {
			return nil, err
		}
		if activated != "" {
			if m.ActivatedAt, err = time.Parse(timeLayout, activated); err != nil {
				return nil, err
			}
		}
		m.Active = m.Version == h.Model
		list = append(list, m)
	}
	return list, rows.Err()
}

// Activate activates a model. Replicas notice by themselves. Nothing changes if it is
// already active.
//
// Error: domain.ErrModelNotFound.
func (s *Store) Activate(ctx context.Context, version string) error {
	return s.change(ctx, "activate model", func(tx *sql.Tx) error {
		if err := holdHead(ctx, tx); err != nil {
			return err
		}
		var found int
		err := tx.QueryRowContext(ctx, "SELECT count(*) FROM models WHERE version = $1", version).Scan(&found)
		if err != nil {
			return err
		}
		if found == 0 {
			return fmt.Errorf("%w: %q", domain.ErrModelNotFound, version)
		}
		h, err := head(ctx, tx)
		if err != nil {
			return err
		}
		if h.Model == version {
			return errNoChange
		}
		return s.activate(ctx, tx, version)
	})
}

func (s *Store) activate(ctx context.Context, tx *sql.Tx, version string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO activations (version, at) VALUES ($1, $2)", version, s.now().UTC().Format(timeLayout))
	return err
}

// Rollback reactivates the previous model, unless check refuses its artefact. Twice goes back
// twice. check must not use the store, which is locked.
//
// Errors: ErrNoEarlierModel, and those of check.
func (s *Store) Rollback(ctx context.Context, check func(version string, artefact []byte) error) (from, to string, err error) {
	err = s.change(ctx, "roll back", func(tx *sql.Tx) error {
		if err := holdHead(ctx, tx); err != nil {
			return err
		}
		if from, to, err = activeAndPrevious(ctx, tx); err != nil {
			return err
		}
		if to == "" {
			return ErrNoEarlierModel
		}
		var artefact []byte
		if err := tx.QueryRowContext(ctx, "SELECT artefact FROM models WHERE version = $1", to).Scan(&artefact); err != nil {
			return err
		}
		if err := check(to, artefact); err != nil {
			return err
		}
		return s.activate(ctx, tx, to)
	})
	return from, to, err
}

// activeAndPrevious returns the active model and the one that a rollback reactivates; "" for
// none. An activation of the model before goes back to it, and any other goes forward.
func activeAndPrevious(ctx context.Context, q querier) (active, previous string, err error) {
	rows, err := q.QueryContext(ctx, "SELECT version FROM activations ORDER BY n")
	if err != nil {
		return "", "", err
	}
	defer rows.Close()
	var before []string // the active model is the last
	for rows.Next() {
		var version string
		if err := rows.Scan(&version); err != nil {
			return "", "", err
		}
		switch n := len(before); {
		case n > 0 && before[n-1] == version: // what was between has been deleted
		case n > 1 && before[n-2] == version:
			before = before[:n-1]
		default:
			before = append(before, version)
		}
	}
	n := len(before)
	if n > 0 {
		active = before[n-1]
	}
	if n > 1 {
		previous = before[n-2]
	}
	return active, previous, rows.Err()
}

// PruneModels deletes old models and returns how many. The newest keep models, the active
// one, the one that was active last, and the one that a rollback reactivates stay, with their
// trials, which are not counted.
func (s *Store) PruneModels(ctx context.Context, keep int) (deleted int64, err error) {
	err = s.change(ctx, "prune models", func(tx *sql.Tx) error {
		const old = `version NOT LIKE '%` + domain.TrialSuffix + `'
			AND version NOT IN (SELECT version FROM models WHERE version NOT LIKE '%` + domain.TrialSuffix + `' ORDER BY created_at DESC LIMIT $1)
			AND version NOT IN (SELECT version FROM activations ORDER BY n DESC LIMIT 2) AND version <> $2`
		if err := holdHead(ctx, tx); err != nil {
			return err
		}
		_, previous, err := activeAndPrevious(ctx, tx)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM activations WHERE "+old, keep, previous); err != nil {
			return err
		}
		result, err := tx.ExecContext(ctx, "DELETE FROM models WHERE "+old, keep, previous)
		if err != nil {
			return err
		}
		if deleted, err = result.RowsAffected(); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM models WHERE version LIKE $1 AND replace(version, $2, '') NOT IN (SELECT version FROM models)",
			"%"+domain.TrialSuffix, domain.TrialSuffix)
		return err
	})
	return deleted, err
}
