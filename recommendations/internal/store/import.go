package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"bookstall/recommendations/internal/domain"
)

// Ratings collects millions of ratings in about 8 bytes each.
type Ratings struct {
	books   []int64 // ids by index, in order of first appearance
	index   map[int64]uint32
	readers map[int64][]uint32 // index of the book and stars in one number, by reader
	rows    int64
}

// starBits is the number of bits for the stars.
const starBits = 3

// NewRatings returns an empty collection.
func NewRatings() *Ratings {
	return &Ratings{index: map[int64]uint32{}, readers: map[int64][]uint32{}}
}

// Add adds a rating. The last one for a reader and book counts.
func (r *Ratings) Add(rating domain.Rating) {
	i, ok := r.index[rating.BookID]
	if !ok {
		i = uint32(len(r.books))
		r.books = append(r.books, rating.BookID)
		r.index[rating.BookID] = i
	}
	r.readers[rating.UserID] = append(r.readers[rating.UserID], i<<starBits|uint32(rating.Stars))
	r.rows++
}

// Rows returns how many ratings were added, repetitions included.
func (r *Ratings) Rows() int64 { return r.rows }

// of returns the ratings of a reader, each book once, in order of first appearance.
func (r *Ratings) of(userID int64, place map[uint32]int) []domain.Rating {
	clear(place)
	packed := r.readers[userID]
	list := make([]domain.Rating, 0, len(packed))
	for _, p := range packed {
		i, stars := p>>starBits, int(p&(1<<starBits-1))
		if at, ok := place[i]; ok {
			list[at].Stars = stars
			continue
		}
		place[i] = len(list)
		list = append(list, domain.Rating{UserID: userID, BookID: r.books[i], Stars: stars})
	}
	return list
}

// ImportRequest is the content of an import. Every part is optional.
type ImportRequest struct {
	Catalog *domain.Catalog // replaces the present one; Import sets its version
	// Compared is the version of the catalogue that the caller expects to replace; nil for
	// any. The demonstration may be replaced in any case.
	Compared *string
	Ratings  *Ratings // added to the histories
	// Interactions come from an export. They keep their times; those whose ids are
	// stored already are skipped.
	Interactions []domain.Interaction
	// Forgotten come from an export, too: what is stored about them is of an older
	// generation, unless this store has forgotten them as well.
	Forgotten []domain.ForgottenReader
	// IDs are external ids that the store may not have yet, besides those of the catalogue's
	// books.
	IDs []domain.ExternalID
	// DropDemo lets a catalogue replace the demonstration together with readers'
	// interactions with its books.
	DropDemo bool
	DryRun   bool // store nothing, and only return what an import would change
}

// ImportResult is what an import changed.
type ImportResult struct {
	CatalogChanged bool
	DroppedDemo    bool
	ReadersChanged int   // readers whose histories changed
	Repeated       int64 // ratings beyond the first of one reader and book in the request
	Forgotten      int   // readers of the request who were forgotten and are skipped
	Ended          int   // readers whose generation ended, as they were forgotten where an export comes from
	Interactions   int   // new ones
	IDs            int   // external ids that are new
}

// Import stores a request completely or, on an error, not at all. Importing the same
// request again changes nothing.
//
// Errors: ErrDemoInUse, ErrDemoRatings, ErrCatalogChanged, ErrIDTaken.
func (s *Store) Import(ctx context.Context, req ImportRequest) (result ImportResult, err error) {
	var catalog *domain.Catalog
	if req.Catalog != nil {
		sorted := inOrder(*req.Catalog)
		catalog = &sorted
	}
	// Most of the work happens before other writers have to wait.
	merged, err := s.merge(ctx, req.Ratings, catalog != nil)
	if err != nil {
		return result, err
	}
	err = s.change(ctx, "import", func(tx *sql.Tx) error {
		result, err = merged.commit(ctx, tx, s.dialect, catalog, req)
		if err == nil && req.DryRun {
			return errNoChange
		}
		return err
	})
	return result, err
}

// merge is the result of merging ratings into histories.
type merge struct {
	ratings   *Ratings
	at        Position                // of the histories that the ratings were merged into
	changed   map[int64]domain.Reader // what to write
	forgotten map[int64]struct{}      // readers who were skipped
	repeated  int64
	place     map[uint32]int
}

// merge merges the ratings into the present histories, or into none if the
// demonstration is going to be dropped.
func (s *Store) merge(ctx context.Context, ratings *Ratings, newCatalog bool) (*merge, error) {
	if ratings == nil {
		ratings = NewRatings()
	}
	m := &merge{ratings: ratings, changed: map[int64]domain.Reader{}, forgotten: map[int64]struct{}{}, place: map[uint32]int{}}
	h, err := s.Head(ctx)
	if err != nil {
		return nil, err
	}
	seen := map[int64]bool{}
	if !h.Demo || !newCatalog {
		m.at, err = s.Histories(ctx, Position{}, func(r domain.Reader) error {
			seen[r.ID] = true
			return m.add(r)
		})
		if err != nil {
			return nil, err
		}
	}
	for id := range ratings.readers {
		if !seen[id] {
			if err := m.add(domain.Reader{ID: id}); err != nil {
				return nil, err
			}
		}
	}
	for _, packed := range ratings.readers {
		m.repeated += int64(len(packed))
	}
	for id := range ratings.readers {
		m.repeated -= int64(len(ratings.of(id, m.place)))
	}
	return m, nil
}

// add merges the ratings of one reader into the stored row.
func (m *merge) add(row domain.Reader) error {
	delete(m.changed, row.ID)
	if len(m.ratings.readers[row.ID]) == 0 {
		return nil
	}
	if row.Forgotten {
		m.forgotten[row.ID] = struct{}{}
		return nil
	}
	history, err := domain.DecodeHistory(row.History)
	if err != nil {
		return fmt.Errorf("reader %d: %w", row.ID, err)
	}
	if history.Import(m.ratings.of(row.ID, m.place)) {
		m.changed[row.ID] = domain.Reader{ID: row.ID, History: history.Encode()}
	}
	return nil
}

// commit writes everything in a transaction.
func (m *merge) commit(ctx context.Context, tx *sql.Tx, d dialect, catalog *domain.Catalog, req ImportRequest) (result ImportResult, err error) {
	seq, err := nextSeq(ctx, tx) // from here on no one else writes
	if err != nil {
		return result, err
	}
	h, err := head(ctx, tx)
	if err != nil {
		return result, err
	}
	result.Repeated = m.repeated
	if h.Demo && catalog == nil && (m.ratings.rows > 0 || len(req.Interactions) > 0) {
		return result, ErrDemoRatings
	}
	if req.Compared != nil && *req.Compared != h.CatalogVersion && !h.Demo {
		return result, ErrCatalogChanged
	}
	if catalog != nil && catalog.Version != h.CatalogVersion {
		result.CatalogChanged, result.DroppedDemo = true, h.Demo
		if err := replaceCatalog(ctx, tx, d, h, *catalog, req.DropDemo); err != nil {
			return result, err
		}
	}
	// Histories that changed since the merge are merged again.
	if !result.DroppedDemo {
		if err := readReaders(ctx, tx, "WHERE seq > $1", []any{m.at.Seq}, m.add); err != nil {
			return result, err
		}
	}
	ended, err := m.end(ctx, tx, req.Forgotten)
	if err != nil {
		return result, err
	}
	result.Ended = len(ended)
	rows := make([]domain.Reader, 0, len(m.changed))
	for _, r := range m.changed {
		r.Seq = seq
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b domain.Reader) int { return cmp.Compare(a.ID, b.ID) }) // much faster to write in order
	if err := d.putAll(ctx, tx, rows); err != nil {
		return result, err
	}
	result.ReadersChanged = len(rows)
	if result.Interactions, err = m.replay(ctx, tx, req.Interactions); err != nil {
		return result, err
	}
	if err := putGenerations(ctx, tx, ended); err != nil {
		return result, err
	}
	if result.IDs, err = putExternalIDs(ctx, tx, m.externalIDs(catalog, req.IDs)); err != nil {
		return result, err
	}
	result.Forgotten = len(m.forgotten)
	if !result.CatalogChanged && result.Ended == 0 && result.ReadersChanged == 0 && result.Interactions == 0 && result.IDs == 0 {
		return result, errNoChange
	}
	return result, nil
}

// end deletes what is stored about readers of older generations than they have where an
// export comes from, and returns those readers. What the export has of them is since.
func (m *merge) end(ctx context.Context, tx *sql.Tx, list []domain.ForgottenReader) (ended []domain.ForgottenReader, err error) {
	if len(list) == 0 {
		return nil, nil
	}
	generations := map[int64]int64{}
	err = readReaders(ctx, tx, "WHERE forgotten OR generation > 1", nil, func(r domain.Reader) error {
		generations[r.ID] = r.Generation
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, one := range list {
		if generations[one.ID] >= one.Generation {
			continue
		}
		for _, statement := range []string{"DELETE FROM interactions WHERE user_id = $1", "DELETE FROM histories WHERE user_id = $1"} {
			if _, err := tx.ExecContext(ctx, statement, one.ID); err != nil {
				return nil, err
			}
		}
		if err := dropExternalID(ctx, tx, one.ID); err != nil {
			return nil, err
		}
		delete(m.forgotten, one.ID)
		if err := m.add(domain.Reader{ID: one.ID}); err != nil {
			return nil, err
		}
		ended = append(ended, one)
	}
	return ended, nil
}

// putGenerations marks readers as forgotten, with the histories that they have since.
func putGenerations(ctx context.Context, tx *sql.Tx, list []domain.ForgottenReader) error {
	for _, one := range list {
		_, err := tx.ExecContext(ctx, "INSERT INTO histories (user_id, seq, forgotten, data, generation) SELECT $1, seq, true, '', $2 FROM head WHERE true "+
			"ON CONFLICT (user_id) DO UPDATE SET seq = excluded.seq, forgotten = true, generation = excluded.generation", one.ID, one.Generation)
		if err != nil {
			return err
		}
	}
	return nil
}

// replaceCatalog replaces the catalogue. If that was the demonstration, histories and
// interactions with its books are deleted as well, but not what generation readers are of.
func replaceCatalog(ctx context.Context, tx *sql.Tx, d dialect, h Head, catalog domain.Catalog, dropDemo bool) error {
	if h.Demo {
		var done int64
		if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM interactions").Scan(&done); err != nil {
			return err
		}
		if done > 0 && !dropDemo {
			return fmt.Errorf("%w (%d)", ErrDemoInUse, done)
		}
		for _, statement := range []string{
			"DELETE FROM histories WHERE NOT forgotten AND generation = 1",
			"UPDATE histories SET generation = 2 WHERE generation = 1",
			"UPDATE histories SET forgotten = false, data = ''",
			"DELETE FROM interactions",
		} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
	}
	return putCatalog(ctx, tx, d, catalog, false)
}

// replay stores the interactions of an export, without those that are stored already
// and those of forgotten readers. Each history is written once.
func (m *merge) replay(ctx context.Context, tx *sql.Tx, list []domain.Interaction) (stored int, err error) {
	if len(list) == 0 {
		return 0, nil
	}
	if list, err = m.remembered(ctx, tx, list); err != nil {
		return 0, err
	}
	seqs, last := runs(list)
	first, err := nextSeqs(ctx, tx, last)
	if err != nil {
		return 0, err
	}
	fresh, err := insertNew(ctx, tx, list, func(i int) int64 { return first + seqs[i] })
	if err != nil {
		return 0, err
	}
	return len(fresh), fold(ctx, tx, first+last, fresh)
}

// remembered returns the interactions of readers who were not forgotten.
func (m *merge) remembered(ctx context.Context, tx *sql.Tx, list []domain.Interaction) ([]domain.Interaction, error) {
	forgotten := map[int64]bool{}
	err := readReaders(ctx, tx, "WHERE forgotten", nil, func(r domain.Reader) error {
		forgotten[r.ID] = true
		return nil
	})
	if err != nil {
		return nil, err
	}
	kept := make([]domain.Interaction, 0, len(list))
	for _, i := range list {
		if forgotten[i.UserID] {
			m.forgotten[i.UserID] = struct{}{}
			continue
		}
		kept = append(kept, i)
	}
	return kept, nil
}

// runs numbers interactions such that number and time together keep their order: the
// number grows where the time does not.
func runs(list []domain.Interaction) (numbers []int64, last int64) {
	numbers = make([]int64, len(list))
	for i := range list {
		if i > 0 && !list[i].At.After(list[i-1].At) {
			last++
		}
		numbers[i] = last
	}
	return numbers, last
}

// nextSeqs gives the transaction 1+more sequence numbers and returns the first.
func nextSeqs(ctx context.Context, tx *sql.Tx, more int64) (first int64, err error) {
	err = tx.QueryRowContext(ctx, "UPDATE head SET seq = seq + 1 + $1 RETURNING seq", more).Scan(&first)
	return first - more, err
}

// insertNew stores the interactions whose ids are new, and returns them.
func insertNew(ctx context.Context, tx *sql.Tx, list []domain.Interaction, seq func(int) int64) (fresh []domain.Interaction, err error) {
	for from := 0; from < len(list); from += chunk {
		next := list[from:min(from+chunk, len(list))]
		rows, err := tx.QueryContext(ctx, insertion(len(next))+" ON CONFLICT (id) DO NOTHING RETURNING id",
			interactionArgs(next, func(i int) int64 { return seq(from + i) })...)
		if err != nil {
			return nil, err
		}
		ids, err := scanIDs(rows)
		if err != nil {
			return nil, err
		}
		for _, i := range next {
			if ids[i.ID] {
				delete(ids, i.ID) // the first of equal ids was stored
				fresh = append(fresh, i)
			}
		}
	}
	return fresh, nil
}

func scanIDs(rows *sql.Rows) (map[string]bool, error) {
	defer rows.Close()
	ids := map[string]bool{}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids[id] = true
	}
	return ids, rows.Err()
}

// fold applies interactions to the histories of their readers.
func fold(ctx context.Context, tx *sql.Tx, seq int64, list []domain.Interaction) error {
	// By reader, and each reader's in order, so that few histories are decoded at a
	// time.
	slices.SortStableFunc(list, func(a, b domain.Interaction) int { return cmp.Compare(a.UserID, b.UserID) })
	for len(list) > 0 {
		n := min(maxBatch, len(list))
		for n < len(list) && list[n].UserID == list[n-1].UserID {
			n++
		}
		histories, err := readHistories(ctx, tx, list[:n])
		if err != nil {
			return err
		}
		for _, i := range list[:n] {
			histories[i.UserID].apply(i)
		}
		if _, err := putFoldings(ctx, tx, seq, histories); err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

// Seed fills a store without books with the embedded demonstration, and reports
// whether it did. Only then does it call load: of the replicas that start beside a new store, one
// does.
func (s *Store) Seed(ctx context.Context, load func() (*domain.Library, error)) (seeded bool, err error) {
	err = s.change(ctx, "seed", func(tx *sql.Tx) error {
		seq, err := nextSeq(ctx, tx)
		if err != nil {
			return err
		}
		h, err := head(ctx, tx)
		if err != nil {
			return err
		}
		if h.CatalogVersion != "" {
			return errNoChange
		}
		demo, err := load()
		if err != nil {
			return err
		}
		var rows []domain.Reader
		for id, h := range demo.Histories() {
			rows = append(rows, domain.Reader{ID: id, Seq: seq, History: h.Encode()})
		}
		slices.SortFunc(rows, func(a, b domain.Reader) int { return cmp.Compare(a.ID, b.ID) })
		seeded = true
		if err := putCatalog(ctx, tx, s.dialect, inOrder(demo.Catalog), true); err != nil {
			return err
		}
		return s.dialect.putAll(ctx, tx, rows)
	})
	return seeded && err == nil, err
}
