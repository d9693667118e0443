package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"bookstall/recommendations/internal/domain"
)

// ExternalIDs returns all ids that are texts, in order of their numbers, and whether any
// reader's id is a number of the owner's.
func (s *Store) ExternalIDs(ctx context.Context) (list []domain.ExternalID, numbered bool, err error) {
	err = s.view(ctx, "external ids", func(tx *sql.Tx) error {
		if list, err = readExternalIDs(ctx, tx, "ORDER BY kind, id"); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM histories WHERE user_id < $1)", int64(domain.FirstMapped)).Scan(&numbered)
	})
	return list, numbered, err
}

func readExternalIDs(ctx context.Context, q querier, where string, args ...any) (list []domain.ExternalID, err error) {
	rows, err := q.QueryContext(ctx, "SELECT kind, id, external_id FROM external_ids "+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var one domain.ExternalID
		if err := rows.Scan(&one.Kind, &one.ID, &one.Text); err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, rows.Err()
}

// ReaderID returns the number of a reader whose id is a text, 0 for a text that the store
// does not have. With add, the store has it from then on.
func (s *Store) ReaderID(ctx context.Context, text string, add bool) (id int64, err error) {
	if err := s.ready(ctx); err != nil {
		return 0, err
	}
	if id, err = readReaderID(ctx, s.read, text); err != nil || id != 0 || !add {
		return id, s.fault("reader id", s.checkRead(err))
	}
	err = s.change(ctx, "reader id", func(tx *sql.Tx) error {
		if err := holdHead(ctx, tx); err != nil {
			return err
		}
		if id, err = readReaderID(ctx, tx, text); err != nil {
			return err
		}
		if id != 0 { // since another process added it
			return errNoChange
		}
		id, err = addReaderID(ctx, tx, text)
		return err
	})
	return id, err
}

func readReaderID(ctx context.Context, q querier, text string) (id int64, err error) {
	err = q.QueryRowContext(ctx, "SELECT id FROM external_ids WHERE kind = $1 AND external_id = $2", domain.ReaderID, text).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, err
}

// addReaderID gives a text the first number that no other has.
func addReaderID(ctx context.Context, tx *sql.Tx, text string) (int64, error) {
	for id := domain.FirstChoice(domain.ReaderID, text); ; id = domain.NextChoice(id) {
		done, err := tx.ExecContext(ctx, insertIDs(1)+" ON CONFLICT DO NOTHING", domain.ReaderID, text, id)
		if err != nil {
			return 0, err
		}
		if n, err := done.RowsAffected(); err != nil || n == 1 {
			return id, err
		}
	}
}

// insertIDs returns the statement that stores n external ids.
func insertIDs(n int) string {
	return "INSERT INTO external_ids (kind, external_id, id) VALUES " + placeholders(n, 3)
}

// externalIDs returns the external ids of an import, those of the books first, without those
// of readers who were forgotten.
func (m *merge) externalIDs(catalog *domain.Catalog, more []domain.ExternalID) (list []domain.ExternalID) {
	if catalog != nil {
		for _, b := range catalog.Books {
			if b.ExternalID != "" {
				list = append(list, domain.ExternalID{Kind: domain.BookID, ID: b.ID, Text: b.ExternalID})
			}
		}
	}
	for _, one := range more {
		if _, gone := m.forgotten[one.ID]; !gone || one.Kind != domain.ReaderID {
			list = append(list, one)
		}
	}
	return list
}

// putExternalIDs stores those external ids that are new, and returns how many.
//
// Error: ErrIDTaken.
func putExternalIDs(ctx context.Context, tx *sql.Tx, list []domain.ExternalID) (stored int, err error) {
	for len(list) > 0 {
		next := list[:min(chunk, len(list))]
		list = list[len(next):]
		args := make([]any, 0, 3*len(next))
		for _, one := range next {
			args = append(args, one.Kind, one.Text, one.ID)
		}
		done, err := tx.ExecContext(ctx, insertIDs(len(next))+" ON CONFLICT DO NOTHING", args...)
		if err != nil {
			return stored, err
		}
		n, err := done.RowsAffected()
		if err != nil {
			return stored, err
		}
		stored += int(n)
		if int(n) == len(next) {
			continue
		}
		for _, one := range next { // most are stored already
			changed, err := rename(ctx, tx, one)
			if err != nil {
				return stored, err
			}
			if changed {
				stored++
			}
		}
	}
	return stored, nil
}

// rename makes sure that an external id is stored. A plain number may change its text.
func rename(ctx context.Context, tx *sql.Tx, one domain.ExternalID) (changed bool, err error) {
	there, err := readExternalIDs(ctx, tx, "WHERE kind = $1 AND (external_id = $2 OR id = $3)", one.Kind, one.Text, one.ID)
	if err != nil || len(there) == 1 && there[0] == one {
		return false, err
	}
	for _, other := range there {
		if other.Text == one.Text || domain.IsMapped(one.ID) {
			return false, fmt.Errorf("%w: %.40q is %d, and %.40q is to be %d", ErrIDTaken, other.Text, other.ID, one.Text, one.ID)
		}
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM external_ids WHERE kind = $1 AND id = $2", one.Kind, one.ID); err != nil {
		return false, err
	}
	_, err = tx.ExecContext(ctx, insertIDs(1), one.Kind, one.Text, one.ID)
	return err == nil, err
}

// dropExternalID deletes the text of a reader who is forgotten: it may be a name or an
// address. The number follows from the text, so imports still know who was forgotten.
func dropExternalID(ctx context.Context, tx *sql.Tx, userID int64) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM external_ids WHERE kind = $1 AND id = $2", domain.ReaderID, userID)
	return err
}
