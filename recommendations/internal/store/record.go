package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"bookstall/recommendations/internal/domain"
)

const (
	// maxBatch bounds the interactions of one commit.
	maxBatch = 1000
	// commitTimeout bounds a commit.
	commitTimeout = 5 * time.Second
)

// writing is a call of Record in the queue of the writer.
type writing struct {
	list     []domain.Interaction
	outcomes []domain.Outcome
	err      error
	done     chan struct{}
}

var errClosed = errors.New("the store is closed")

// Record stores interactions, which must be valid, and returns the outcome of each
// once they are durable. Calls that arrive during a commit share the next one.
//
// After domain.ErrStoreDown or the end of ctx, any part of them may have been stored.
// It is safe to send the same ids again.
func (s *Store) Record(ctx context.Context, list []domain.Interaction) ([]domain.Outcome, error) {
	// Cloned, as a caller that gives up may reuse its list.
	w := &writing{list: slices.Clone(list), done: make(chan struct{})}
	select {
	case s.queue <- w:
	case <-ctx.Done():
		return nil, s.fault("record", ctx.Err())
	case <-s.quit:
		return nil, errClosed
	}
	select {
	case <-w.done:
		return w.outcomes, w.err
	case <-ctx.Done():
		return nil, s.fault("record", ctx.Err())
	}
}

// writeAll commits the queue, one batch after the other. While one commits, callers
// queue for the next.
func (s *Store) writeAll() {
	for {
		var batch []*writing
		select {
		case <-s.quit:
			return
		case w := <-s.queue:
			batch = append(batch, w)
		}
		s.commit(s.gather(batch))
	}
}

// gather adds the calls that are already waiting.
func (s *Store) gather(batch []*writing) []*writing {
	n := len(batch[0].list)
	for n < maxBatch {
		select {
		case w := <-s.queue:
			batch = append(batch, w)
			n += len(w.list)
		default:
			return batch
		}
	}
	return batch
}

// commit stores a batch in one transaction and returns its callers.
func (s *Store) commit(batch []*writing) {
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	var list []domain.Interaction
	for _, w := range batch {
		list = append(list, w.list...)
	}
	outcomes, err := s.record(ctx, list)
	if err != nil && len(batch) > 1 && !errors.Is(err, domain.ErrStoreDown) {
		// One of them caused the error and should fail alone.
		for i := range batch {
			s.commit(batch[i : i+1])
		}
		return
	}
	for _, w := range batch {
		if w.err = err; err == nil {
			w.outcomes, outcomes = outcomes[:len(w.list):len(w.list)], outcomes[len(w.list):]
		}
		close(w.done)
	}
}

// record stores interactions in one transaction.
func (s *Store) record(ctx context.Context, list []domain.Interaction) (outcomes []domain.Outcome, err error) {
	now := s.now().UTC().Truncate(time.Microsecond)
	for i := range list {
		list[i].At = now.Add(time.Duration(i) * time.Microsecond) // keeps the order
	}
	err = s.change(ctx, "record", func(tx *sql.Tx) error {
		// First, as it locks everything read here until the commit.
		seq, err := nextSeq(ctx, tx)
		if err != nil {
			return err
		}
		if outcomes, err = apply(ctx, tx, seq, list); err != nil {
			return err
		}
		for _, o := range outcomes {
			if o.Status == domain.Stored {
				return nil
			}
		}
		return errNoChange
	})
	return outcomes, err
}

// apply stores interactions, with the times they have, in a transaction with a
// sequence number.
func apply(ctx context.Context, tx *sql.Tx, seq int64, list []domain.Interaction) ([]domain.Outcome, error) {
	ids := make([]string, len(list))
	for i, in := range list {
		ids[i] = in.ID
	}
	known, err := readKnown(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	histories, err := readHistories(ctx, tx, list)
	if err != nil {
		return nil, err
	}
	outcomes := make([]domain.Outcome, len(list))
	var fresh []domain.Interaction
	for i, in := range list {
		before, ok := known[in.ID]
		switch {
		case histories[in.UserID].row.Ended(in.Generation):
			outcomes[i].Status = domain.Forgotten
		case !ok:
			known[in.ID] = in
			fresh = append(fresh, in)
			histories[in.UserID].apply(in)
			outcomes[i].Status = domain.Stored
		case before.Same(in):
			outcomes[i].Status = domain.Repeated
		default:
			outcomes[i].Status = domain.Conflict
		}
	}
	if err := insertInteractions(ctx, tx, seq, fresh); err != nil {
		return nil, err
	}
	rows, err := putFoldings(ctx, tx, seq, histories)
	if err != nil {
		return nil, err
	}
	for i, in := range list {
		outcomes[i].Reader = rows[in.UserID]
	}
	return outcomes, nil
}

// folding is a reader's history to which interactions are applied.
type folding struct {
	row     domain.Reader
	history domain.History
	changed bool
}

func (f *folding) apply(in domain.Interaction) {
	if f.history.Apply(in) {
		f.changed = true
	}
}

// putFoldings writes the histories that changed, and returns all readers.
func putFoldings(ctx context.Context, tx *sql.Tx, seq int64, histories map[int64]*folding) (map[int64]domain.Reader, error) {
	var changed []domain.Reader
	rows := map[int64]domain.Reader{}
	for id, h := range histories {
		if h.changed {
			h.row.Seq, h.row.History = seq, h.history.Encode()
			changed = append(changed, h.row)
		}
		rows[id] = h.row
	}
	return rows, putReaders(ctx, tx, changed)
}

// chunk is the number of rows per statement. The time SQLite needs to parse a
// statement grows with the square of its parameters: with 32 rows, millions are
// stored ten times faster than with 500. PostgreSQL is at its best by then, too.
const chunk = 32

// inChunks calls do for each chunk of a list, as a list for IN.
func inChunks[T any](values []T, do func(in string, args []any) error) error {
	for len(values) > 0 {
		n := min(chunk, len(values))
		args := make([]any, n)
		for i, v := range values[:n] {
			args[i] = v
		}
		if err := do(placeholders(1, n), args); err != nil {
			return err
		}
		values = values[n:]
	}
	return nil
}

// readKnown returns the stored interactions that have some of these ids.
func readKnown(ctx context.Context, q querier, ids []string) (map[string]domain.Interaction, error) {
	known := map[string]domain.Interaction{}
	err := inChunks(ids, func(in string, args []any) error {
		return readInteractions(ctx, q, "WHERE id IN "+in, args, func(i domain.Interaction) error {
			known[i.ID] = i
			return nil
		})
	})
	return known, err
}

// readInteractions calls yield for the rows that meet a condition.
func readInteractions(ctx context.Context, q querier, where string, args []any, yield func(domain.Interaction) error) error {
	rows, err := q.QueryContext(ctx, "SELECT id, user_id, book_id, CASE newer_kind WHEN '' THEN kind ELSE newer_kind END, stars, at FROM interactions "+where, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var i domain.Interaction
		var kind, at string
		if err := rows.Scan(&i.ID, &i.UserID, &i.BookID, &kind, &i.Stars, &at); err != nil {
			return err
		}
		if i.Kind, err = domain.ParseKind(kind); err != nil {
			return fmt.Errorf("interaction %s: kind %w", i.ID, err)
		}
		if i.At, err = time.Parse(timeLayout, at); err != nil {
			return fmt.Errorf("interaction %s: %w", i.ID, err)
		}
		if err := yield(i); err != nil {
			return err
		}
	}
	return rows.Err()
}

// timeLayout is the format of stored times: UTC, RFC 3339, to the microsecond.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// readHistories returns the histories of all readers of a list, empty for readers
// without one.
func readHistories(ctx context.Context, q querier, list []domain.Interaction) (map[int64]*folding, error) {
	histories := map[int64]*folding{}
	var ids []int64
	for _, in := range list {
		if histories[in.UserID] == nil {
			histories[in.UserID] = &folding{row: domain.Reader{ID: in.UserID, Generation: domain.FirstGeneration}}
			ids = append(ids, in.UserID)
		}
	}
	err := inChunks(ids, func(in string, args []any) error {
		return readReaders(ctx, q, "WHERE user_id IN "+in, args, func(r domain.Reader) error {
			h, err := domain.DecodeHistory(r.History)
			if err != nil {
				return fmt.Errorf("reader %d: %w", r.ID, err)
			}
			histories[r.ID].row, histories[r.ID].history = r, h
			return nil
		})
	})
	return histories, err
}

func insertInteractions(ctx context.Context, tx *sql.Tx, seq int64, list []domain.Interaction) error {
	for len(list) > 0 {
		n := min(chunk, len(list))
		_, err := tx.ExecContext(ctx, insertion(n), interactionArgs(list[:n], func(int) int64 { return seq })...)
		if err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

// insertion returns the statement that stores n interactions.
func insertion(n int) string {
	return "INSERT INTO interactions (id, user_id, book_id, kind, newer_kind, stars, seq, at) VALUES " + placeholders(n, 8)
}

func interactionArgs(list []domain.Interaction, seq func(int) int64) []any {
	args := make([]any, 0, 8*len(list))
	for k, i := range list {
		kind, newer := i.Kind.String(), ""
		if i.Kind.Newer() {
			kind, newer = domain.View.String(), kind
		}
		args = append(args, i.ID, i.UserID, i.BookID, kind, newer, i.Stars, seq(k), i.At.UTC().Format(timeLayout))
	}
	return args
}

// Forget deletes everything about a reader and ends the generation, if that is not over
// already; 0 is whatever generation there is. An empty row stays, so that replicas and
// later imports know that the reader was forgotten. The reader's next interaction starts a
// new history.
func (s *Store) Forget(ctx context.Context, userID, generation int64) (forgotten domain.Reader, err error) {
	err = s.change(ctx, "forget", func(tx *sql.Tx) error {
		seq, err := nextSeq(ctx, tx)
		if err != nil {
			return err
		}
		before, err := readReader(ctx, tx, userID)
		if err != nil {
			return err
		}
		if before.Ended(generation) {
			forgotten = before
			return errNoChange
		}
		forgotten = domain.Reader{
			ID: userID, Seq: seq, Forgotten: true, History: []byte{},
			Generation: 1 + max(before.Generation, generation, domain.FirstGeneration),
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM interactions WHERE user_id = $1", userID); err != nil {
			return err
		}
		if err := dropExternalID(ctx, tx, userID); err != nil {
			return err
		}
		return putForgotten(ctx, tx, forgotten)
	})
	return forgotten, err
}
