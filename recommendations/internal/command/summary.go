package command

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"bookstall/recommendations/internal/bookcsv"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/store"
	"bookstall/recommendations/internal/transfer"
)

// summarise prints what an import has read, and how its catalogue differs from that of the
// store.
func summarise(out io.Writer, plan *transfer.Plan, took time.Duration) {
	var faulty, unknown int64
	for _, f := range plan.Files {
		faulty += f.Faulty
		unknown += f.Unknown
	}
	read := counted(int64(plan.Books.Read()), "book")
	if plan.Kinds == nil {
		read += " and " + counted(plan.Ratings, "rating")
	} else { // a file of interactions was read
		read += ", " + counted(plan.Ratings, "rating") + " and " + counted(plan.Interactions, "interaction")
	}
	fmt.Fprintf(out, "read %s in %v; %s, %d of unknown books\n", read, took.Round(100*time.Millisecond), counted(faulty, "faulty row"), unknown)
	for _, one := range []struct {
		what string
		transfer.Changes
	}{{"books", plan.Books}, {"sample readers", plan.Samples}} {
		if one.Changes != (transfer.Changes{}) {
			fmt.Fprintf(out, "%s: %d new, %d changed, %d as before, %d gone\n", one.what, one.New, one.Changed, one.Same, one.Gone)
			if one.Back > 0 {
				fmt.Fprintf(out, "%s: %d of these are back, which were gone\n", one.what, one.Back)
			}
			if one.GoneBefore > 0 {
				fmt.Fprintf(out, "%s: %d more were gone before\n", one.what, one.GoneBefore)
			}
			if one.Dropped > 0 {
				fmt.Fprintf(out, "%s: %d that are gone are deleted\n", one.what, one.Dropped)
			}
			if one.Kept > 0 {
				fmt.Fprintf(out, "%s: %d of the store only, which stay\n", one.what, one.Kept)
			}
			switch {
			case one.Unread == 1:
				fmt.Fprintf(out, "%s: 1 of the store is kept as it is, because a faulty row may be about it\n", one.what)
			case one.Unread > 1:
				fmt.Fprintf(out, "%s: %d of the store are kept as they are, because faulty rows may be about them\n", one.what, one.Unread)
			}
		}
	}
	if kinds := kindsOf(plan.Kinds); kinds != "" {
		fmt.Fprintf(out, "interactions by kind: %s\n", kinds)
	}
	if ids := plan.TextIDs; ids.Books+ids.Readers > 0 {
		fmt.Fprintf(out, "new ids that are no numbers: %d of books, %d of readers\n", ids.Books, ids.Readers)
	}
	if n := plan.Fractions.Books; n > 0 {
		fmt.Fprintf(out, "prices: %d %s more decimals than the currency, and %s shown as %s in the file, the first at %s\n",
			n, be(int64(n), "has", "have"), be(int64(n), "is", "are"), be(int64(n), "it is", "they are"), plan.Fractions.First)
	}
	if plan.NoPopularity && plan.Books.New+plan.Books.Changed+plan.Books.Gone > 0 {
		fmt.Fprintln(out, "popularity: no book has one, so it is the number of readers who like a book, counted at each training")
	}
	for _, f := range plan.Files {
		if form := formOf(f.Shape); form != "" {
			fmt.Fprintf(out, "%s: %s\n", f.Name, form)
		}
		if f.Unkinded > 0 {
			fmt.Fprintf(out, "%s: %s\n", f.Name, unkinded(f.Unkinded, plan.Kind))
		}
		if f.Unknown > 0 {
			fmt.Fprintf(out, "%s: %d of %d rows %[4]s of books that the catalogue does not have, and %[4]s skipped, the first at %[5]s\n",
				f.Name, f.Unknown, f.Rows, be(f.Unknown, "is", "are"), f.FirstUnknown)
		}
		if f.Faulty == 0 {
			continue
		}
		fmt.Fprintf(out, "%s: %d of %d rows %[4]s faulty, and %[4]s skipped:\n", f.Name, f.Faulty, f.Rows, be(f.Faulty, "is", "are"))
		rest := f.Faulty
		for i, cause := range f.Faults() {
			if i == maxCauses {
				break
			}
			rest -= cause.Rows
			for k, example := range cause.Examples {
				count := ""
				if k == 0 {
					count = fmt.Sprint(cause.Rows)
				}
				fmt.Fprintf(out, "%9s  %v\n", count, example)
			}
		}
		if rest > 0 {
			fmt.Fprintf(out, "%9d  for other reasons\n", rest)
		}
	}
}

// maxCauses bounds how many causes of faulty rows are shown for each file.
const maxCauses = 10

// counted returns a number of things: 1 faulty row, 2 faulty rows.
func counted(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// be returns the form of a verb that belongs to a number of things.
func be(n int64, one, several string) string {
	if n == 1 {
		return one
	}
	return several
}

// changes describes what an import changed, or in a dry run would change.
func changes(plan *transfer.Plan, result store.ImportResult, dry bool) string {
	was, were, has, changed := "was", "were", "has", "changed"
	if dry {
		was, were, has, changed = "would be", "would be", "would have", "would change"
	}
	var parts []string
	if result.DroppedDemo {
		parts = append(parts, "the embedded demonstration "+was+" removed")
	}
	if result.CatalogChanged {
		parts = append(parts, "the store "+has+" a new catalogue of "+counted(int64(plan.Books.Read()+plan.Books.Kept+plan.Books.Unread), "book"))
	}
	if result.ReadersChanged > 0 {
		parts = append(parts, "the histories of "+counted(int64(result.ReadersChanged), "reader")+" "+changed)
	}
	if result.Interactions > 0 {
		done := " imported"
		if plan.Restores() {
			done = " restored"
		}
		parts = append(parts, counted(int64(result.Interactions), "interaction")+" "+be(int64(result.Interactions), was, were)+done)
	}
	if len(parts) == 0 {
		parts = append(parts, nothing(plan, result, dry))
	}
	if plan.Doubled > 0 {
		parts = append(parts, fmt.Sprintf("%s that another row has, too: the first counts", counted(plan.Doubled, "interaction")))
	}
	if result.Repeated > 0 {
		parts = append(parts, fmt.Sprintf("%s of a reader and book of another row: the last counts", counted(result.Repeated, "rating")))
	}
	if result.Forgotten > 0 {
		parts = append(parts, counted(int64(result.Forgotten), "reader")+" asked to be forgotten and "+be(int64(result.Forgotten), was, were)+" skipped")
	}
	return strings.Join(parts, "; ")
}

// nothing says that an import changed nothing, and why.
func nothing(plan *transfer.Plan, result store.ImportResult, dry bool) string {
	skipped := result.Forgotten > 0 || slices.ContainsFunc(plan.Files, func(f *transfer.FileReport) bool { return f.Faulty+f.Unknown > 0 })
	text, has := "nothing changed", "all of it"
	if dry {
		text = "nothing would change"
	}
	if skipped {
		has = "all that is not skipped"
	}
	return text + ": the store has " + has
}

// kindsOf counts interactions by kind.
func kindsOf(count map[domain.Kind]int64) string {
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(count)) {
		parts = append(parts, fmt.Sprintf("%d %v", count[kind], kind))
	}
	return strings.Join(parts, ", ")
}

// unkinded says what became of rows without a kind. 0 is no choice.
func unkinded(rows int64, kind domain.Kind) string {
	if kind != 0 {
		return fmt.Sprintf("%s without a kind %s taken as %v", counted(rows, "row"), be(rows, "is", "are"), kind)
	}
	return fmt.Sprintf("%s without a kind %s taken as %v: --kind=%v, if these are sales", counted(rows, "row"), be(rows, "is", "are"), domain.Like, domain.Purchase)
}

// formOf describes how a file was understood, where it is not in the project's own form.
func formOf(s bookcsv.Shape) string {
	var parts []string
	if s.Profile != "" && s.Profile != bookcsv.Canonical {
		parts = append(parts, "read as "+s.Profile)
	}
	if s.Encoding != "" {
		parts = append(parts, "in "+s.Encoding)
	}
	if s.Separator != 0 && s.Separator != ',' {
		parts = append(parts, fmt.Sprintf("cells separated by %q", s.Separator))
	}
	if s.Scale != 0 && s.Scale != 5 {
		parts = append(parts, fmt.Sprintf("ratings up to %g", s.Scale))
	}
	if s.Unrated > 0 {
		parts = append(parts, fmt.Sprintf("%s without a rating %s skipped", counted(s.Unrated, "row"), be(s.Unrated, "is", "are")))
	}
	if len(s.Ignored) > 0 {
		parts = append(parts, fmt.Sprintf("not used: %q", s.Ignored))
	}
	return strings.Join(parts, "; ")
}
