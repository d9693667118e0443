package command_test

import (
	"strings"
	"testing"
)

const salesForm = "--map=user_id=Kunde,book_id=Artikel,at=Datum,id=Beleg"

// A table of sales has no kinds: the import says what it takes them for.
func TestInteractionsWithoutAKind(t *testing.T) {
	t.Parallel()
	sales := write(t, "sales.csv", "Beleg;Kunde;Artikel;Datum\nB-1;1;1;2026-01-02\nB-2;1;2;2026-01-03\nB-2;1;2;2026-01-03\n")
	books := write(t, "books.csv", someBooks)
	for name, test := range map[string]struct {
		args  []string
		wants []string
	}{
		"not said": {nil, []string{
			"read 3 books, 0 ratings and 3 interactions in", "interactions by kind: 3 like\n",
			"sales.csv: 3 rows without a kind are taken as like: --kind=purchase, if these are sales\n",
			"; 2 interactions were imported; 1 interaction that another row has, too: the first counts\n",
		}},
		"purchases": {[]string{"--kind=purchase"}, []string{
			"interactions by kind: 3 purchase\n", "sales.csv: 3 rows without a kind are taken as purchase\n", "; 2 interactions were imported",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"import", storeFlagOf(t), "--books", books, "--interactions", sales, salesForm}, test.args...)
			got := must(t, args...)
			for _, want := range test.wants {
				if !strings.Contains(got, want) {
					t.Errorf("no %q in\n%s", want, got)
				}
			}
			if got, want := must(t, args...), "nothing changed: the store has all of it; 1 interaction that another row has, too: the first counts\n"; !strings.HasSuffix(got, want) {
				t.Errorf("the same again: %s", got)
			}
		})
	}
	for _, test := range []struct{ kind, want string }{
		{"--kind=sale", `--kind: "sale" is not one of view, like`},
		{"--kind=rating", "--kind: a row with a rating is one already"},
	} {
		if _, _, err := execute(t, "import", storeFlagOf(t), "--books", books, "--interactions", sales, test.kind); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", test.kind, err)
		}
	}
	if _, _, err := execute(t, "import", storeFlagOf(t), "--books", books, "--kind=like"); err == nil || !strings.Contains(err.Error(), "--interactions, which is missing") {
		t.Errorf("--kind alone: %v", err)
	}
}

// An id that has other content, in the store or on an earlier row, makes a faulty row.
func TestInteractionsWhoseIDsAreTaken(t *testing.T) {
	t.Parallel()
	to := storeFlagOf(t)
	must(t, "import", to, "--books", write(t, "books.csv", someBooks), "--interactions",
		write(t, "first.csv", "id,user_id,book_id,kind\nB-1,1,1,like\nB-2,1,2,like\nB-3,ann,3,like\nB-4,1,3,like\nB-5,1,3,like\n"))
	const rows = "id,user_id,book_id,kind,rating\nB-1,1,1,purchase,\nB-2,7,2,like,\nB-3,ann,1,like,\nB-4,1,3,rating,5\nB-5,1,3,like,\nB-6,2,1,like,\nB-6,2,2,like,\n"
	again := []string{"import", to, "--interactions", write(t, "again.csv", rows)}
	out, _, err := execute(t, again...)
	if err == nil || !strings.Contains(err.Error(), "5 of the 7 rows of again.csv are faulty, over 1 %") {
		t.Errorf("%v", err)
	}
	wants := []string{
		"again.csv: 5 of 7 rows are faulty, and are skipped:\n",
		`again.csv:2: id: "B-1" is stored already as like of book 1 by reader 1, and this is purchase of book 1 by reader 1`,
		`again.csv:3: id: "B-2" is stored already as like of book 2 by reader 1, and this is like of book 2 by reader 7`,
		`again.csv:4: id: "B-3" is stored already as like of book 3 by reader "ann", and this is like of book 1 by reader "ann"`,
		`again.csv:5: id: "B-4" is stored already as like of book 3 by reader 1, and this is rating 5 of book 3 by reader 1`,
		`again.csv:8: id: "B-6" is on line 7 already, which is like of book 1 by reader 2, and this is like of book 2 by reader 2`,
	}
	for _, want := range wants {
		if !strings.Contains(out, want) {
			t.Errorf("no %s in\n%s", want, out)
		}
	}
	if _, _, err := execute(t, append(again, "--strict")...); err == nil || !strings.Contains(err.Error(), wants[1]) {
		t.Errorf("--strict: %v", err)
	}
	if got := must(t, append(again, "--allow-faulty=90%")...); !strings.HasSuffix(got, "\n1 interaction was imported\n") {
		t.Errorf("the others: %s", got)
	}
	if got := must(t, append(again, "--allow-faulty=90%")...); !strings.HasSuffix(got, "\nnothing changed: the store has all that is not skipped\n") {
		t.Errorf("the others again: %s", got)
	}
	if _, files := exported(t, to); !strings.Contains(files["interactions.csv"], ",1,like,,B-1,") {
		t.Errorf("what was stored has changed:\n%s", files["interactions.csv"])
	}
}
