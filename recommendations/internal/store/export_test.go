package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// SetLease sets how long the locks of a PostgreSQL store last without being renewed.
func SetLease(s *Store, d time.Duration) {
	p := s.dialect.(postgres)
	p.lease = d
	s.dialect = p
}

// Hold runs do in a transaction that excludes all writers.
func Hold(ctx context.Context, s *Store, do func()) error {
	return s.change(ctx, "hold", func(tx *sql.Tx) error {
		if err := holdHead(ctx, tx); err != nil {
			return err
		}
		do()
		return errNoChange
	})
}

// LimitPages bounds the size of an SQLite store, as a file system that is full does.
func LimitPages(ctx context.Context, s *Store, pages int) error {
	_, err := s.write.ExecContext(ctx, fmt.Sprintf("PRAGMA max_page_count = %d", pages))
	return err
}

// Setting returns a setting as a transaction that writes has it.
func Setting(ctx context.Context, s *Store, name string) (value string, err error) {
	err = s.change(ctx, "setting", func(tx *sql.Tx) error {
		return errors.Join(tx.QueryRowContext(ctx, "SELECT current_setting($1)", name).Scan(&value), errNoChange)
	})
	return value, err
}
