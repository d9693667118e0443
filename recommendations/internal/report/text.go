package report

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"
)

// WriteText writes the report as tables, with up to top books in each list.
func (r *Report) WriteText(to io.Writer, top int) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s, weeks from %s (Monday, UTC)\n", r.At.Format(time.DateTime), r.Since.Format(time.DateOnly))
	fmt.Fprintf(w, "%d books, %d readers\n\n", len(r.Books), r.Readers)

	fmt.Fprintln(w, "WEEK\tREADERS\tNEW\tVIEWS\tLIKES\tRATINGS\tPURCHASES")
	for _, k := range r.Weeks {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\n", k.Monday.Format(time.DateOnly), k.Readers, k.New, k.Views, k.Likes, k.Ratings, k.Purchases)
	}
	writeBooks(w, "MOST LIKED", "LIKED BY", "IN THESE WEEKS", r.MostLiked(top), func(b Book) (int, int) { return b.Liked, b.LikedLately })
	writeBooks(w, "MOST BOUGHT", "BOUGHT BY", "IN THESE WEEKS", r.MostBought(top), func(b Book) (int, int) { return b.Bought, b.BoughtLately })

	without := r.WithoutReaders()
	fmt.Fprintf(w, "\nBooks without readers: %d of %d (%s)\n", len(without), len(r.Books), percent(share(len(without), len(r.Books))))
	for _, b := range without[:min(top, len(without))] {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", cmp.Or(b.ExternalID, strconv.FormatInt(b.ID, 10)), b.Title, b.Author)
	}
	if len(without) > top {
		fmt.Fprintf(w, "  … and %d more; --csv lists all\n", len(without)-top)
	}
	fmt.Fprintln(w)
	if s := r.Shown; s != nil {
		fmt.Fprintln(w, s.sentence(len(r.Books)))
	} else {
		fmt.Fprintln(w, "What the shelves show: not known without an active model of this catalogue and a reader who likes a book")
	}

	fmt.Fprintln(w, "\nMODEL\tMADE\tREADERS\tNDCG@100\t")
	for _, m := range r.Models {
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\n", m.Version, m.Made.Format(time.DateTime), m.Readers, m.Quality(), m.State())
	}
	return w.Flush()
}

func writeBooks(w io.Writer, title, ever, lately string, list []Book, counts func(Book) (ever, lately int)) {
	fmt.Fprintf(w, "\n%s\t%s\t%s\tBOOK\n", title, ever, lately)
	for i, b := range list {
		all, recent := counts(b)
		fmt.Fprintf(w, "%d\t%d\t%d\t%s, %s\n", i+1, all, recent, b.Title, b.Author)
	}
}

// sentence says what the shelves show of a catalogue of so many books.
func (s *Shown) sentence(books int) string {
	return fmt.Sprintf("What the shelves show: the first %d books for %d of the %d readers who like a book are %d different ones, %s of the catalogue; the %d most liked books have %s of the places",
		s.PerShelf, s.Readers, s.Of, s.Books, percent(share(s.Books, books)), s.Top, percent(s.Bestsellers))
}

// Quality returns NDCG@100 as a text, "" if nobody measured.
func (m Model) Quality() string {
	if m.NDCG100 == 0 {
		return ""
	}
	return fmt.Sprintf("%.4f", m.NDCG100)
}

// State says whether the model is active, or why it is not; "" if it was before.
func (m Model) State() string {
	switch {
	case m.Active:
		return "active"
	case m.Aside != "":
		return "kept aside: " + m.Aside
	}
	return ""
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }
