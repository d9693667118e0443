package store

import (
	"context"
	"database/sql"
	"fmt"
)

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
