package store

import (
	"cmp"
	"context"
	"database/sql"

	"bookstall/recommendations/internal/domain"
)

// Histories calls yield for each reader whose history changed after a position, in no
// order, and returns the position up to which it is complete. yield may keep its argument.
//
// Errors: ErrCut, before any call; one of yield as it is.
func (s *Store) Histories(ctx context.Context, after Position, yield func(domain.Reader) error) (to Position, err error) {
	var taken taker[domain.Reader]
	err = s.view(ctx, "histories", func(tx *sql.Tx) error {
		if err := holds(ctx, tx, after); err != nil {
			return err
		}
		h, err := head(ctx, tx)
		if err != nil {
			return err
		}
		to = h.Position
		return readReaders(ctx, tx, "WHERE seq > $1", []any{after.Seq}, taken.by(yield))
	})
	return to, cmp.Or(taken.failed, err)
}

// History returns one reader, or the zero value if nothing is stored.
func (s *Store) History(ctx context.Context, userID int64) (domain.Reader, error) {
	if err := s.ready(ctx); err != nil {
		return domain.Reader{}, err
	}
	found, err := readReader(ctx, s.read, userID)
	return found, s.fault("history", s.checkRead(err))
}

// readReader returns one reader, or the zero value if nothing is stored.
func readReader(ctx context.Context, q querier, userID int64) (found domain.Reader, err error) {
	err = readReaders(ctx, q, "WHERE user_id = $1", []any{userID}, func(r domain.Reader) error {
		found = r
		return nil
	})
	return found, err
}

// Interactions calls yield for all interactions, in the order they were stored. An error of
// yield is returned as it is.
func (s *Store) Interactions(ctx context.Context, yield func(domain.Interaction) error) error {
	var taken taker[domain.Interaction]
	err := s.view(ctx, "interactions", func(tx *sql.Tx) error {
		return readInteractions(ctx, tx, "ORDER BY seq, at", nil, taken.by(yield))
	})
	return cmp.Or(taken.failed, err)
}

// taker keeps the error of whoever takes rows apart from those of the store: a full disk that
// they are written to is none of the store's.
type taker[T any] struct{ failed error }

func (t *taker[T]) by(yield func(T) error) func(T) error {
	return func(row T) error {
		t.failed = yield(row)
		return t.failed
	}
}

// Recorded returns the stored interactions that have some of these ids, by id.
func (s *Store) Recorded(ctx context.Context, ids []string) (found map[string]domain.Interaction, err error) {
	err = s.view(ctx, "recorded", func(tx *sql.Tx) error {
		found, err = readKnown(ctx, tx, ids)
		return err
	})
	return found, err
}

func readReaders(ctx context.Context, q querier, where string, args []any, yield func(domain.Reader) error) error {
	rows, err := q.QueryContext(ctx, "SELECT user_id, seq, forgotten, generation, data FROM histories "+where, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var r domain.Reader
		if err := rows.Scan(&r.ID, &r.Seq, &r.Forgotten, &r.Generation, &r.History); err != nil {
			return err
		}
		if r.Forgotten { // by an earlier version, perhaps, which does not raise it
			r.Generation = max(r.Generation, domain.FirstGeneration+1)
		}
		if err := yield(r); err != nil {
			return err
		}
	}
	return rows.Err()
}

// orReplace makes an INSERT of readers replace existing rows, which keep their generation.
const orReplace = " ON CONFLICT (user_id) DO UPDATE SET seq = excluded.seq, forgotten = excluded.forgotten, data = excluded.data"

func putReaders(ctx context.Context, tx *sql.Tx, list []domain.Reader) error {
	for len(list) > 0 {
		n := min(chunk, len(list))
		args := make([]any, 0, 4*n)
		for _, r := range list[:n] {
			args = append(args, r.ID, r.Seq, r.Forgotten, r.History)
		}
		statement := "INSERT INTO histories (user_id, seq, forgotten, data) VALUES " + placeholders(n, 4) + orReplace //nolint:gosec // constants and placeholders
		_, err := tx.ExecContext(ctx, statement, args...)
		if err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

// putForgotten writes a forgotten reader, with the generation.
func putForgotten(ctx context.Context, tx *sql.Tx, r domain.Reader) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO histories (user_id, seq, forgotten, data, generation) VALUES ($1, $2, $3, $4, $5)"+
		orReplace+", generation = excluded.generation", r.ID, r.Seq, true, r.History, r.Generation)
	return err
}
