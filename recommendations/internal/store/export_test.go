package store

import (
	"context"
	"database/sql"
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
