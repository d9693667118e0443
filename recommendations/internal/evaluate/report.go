package evaluate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Report holds the results of one evaluation.
type Report struct {
	Fold              int                `json:"fold"`
	Validation        bool               `json:"validation"` // fold 0 was left out of training and test
	Readers           int                `json:"readers"`    // number of held-out readers
	FoldIn            int                `json:"fold_in"`
	Targets           int                `json:"targets"`
	TrainingReaders   int                `json:"training_readers"`
	TrainingPositives int                `json:"training_positives"`
	Books             int                `json:"books"`
	Parameters        map[string]float64 `json:"parameters"` // parameters of the first method
	Methods           []Method           `json:"methods"`
	Notes             []string           `json:"notes,omitempty"` // what was not measured, and why

	// The following are empty unless they were asked for.
	ShortHistories []ShortHistory   `json:"short_histories,omitempty"`
	Shelves        []Shelf          `json:"shelves,omitempty"` // the first is that by score
	Categories     []CategoryResult `json:"by_category,omitempty"`
}

// Method is the quality of one method of recommending.
type Method struct {
	Name         string
	Result       Result
	TrainSeconds float64
}

// ShortHistory is the quality when the ranker gets a limited number of books
// of each reader.
type ShortHistory struct {
	Books   int // most books per reader; -1 means all
	Methods []Method
}

// CategoryResult is the quality of shelves of one category, and for comparison that
// of the most popular books of the category.
type CategoryResult struct {
	Name             string
	Ours, Popularity Result
}

// NewReport returns a report with the numbers of readers and books of a split.
func NewReport(s Split) Report {
	r := Report{Readers: len(s.Cases), TrainingReaders: len(s.Train), Books: s.Items}
	for _, items := range s.Train {
		r.TrainingPositives += len(items)
	}
	for _, c := range s.Cases {
		r.FoldIn += len(c.FoldIn)
		r.Targets += len(c.Targets)
	}
	return r
}

// fraction is written with five decimals. Further ones are not significant and
// differ between processors.
type fraction float64

// MarshalJSON implements json.Marshaler.
func (f fraction) MarshalJSON() ([]byte, error) {
	text := strconv.FormatFloat(float64(f), 'f', 5, 64)
	return []byte(strings.TrimSuffix(strings.TrimRight(text, "0"), ".")), nil
}

// MarshalJSON implements json.Marshaler.
func (m Method) MarshalJSON() ([]byte, error) {
	r := m.Result
	return json.Marshal(struct {
		Name          string   `json:"name"`
		NDCG100       fraction `json:"ndcg@100"`
		NDCG100Error  fraction `json:"ndcg@100_error"`
		Recall20      fraction `json:"recall@20"`
		Recall20Error fraction `json:"recall@20_error"`
		Recall50      fraction `json:"recall@50"`
		Recall50Error fraction `json:"recall@50_error"`
		Coverage20    fraction `json:"coverage@20"`
		TrainSeconds  float64  `json:"train_seconds"`
	}{
		m.Name, fraction(r.NDCG100), fraction(r.NDCG100Error), fraction(r.Recall20), fraction(r.Recall20Error),
		fraction(r.Recall50), fraction(r.Recall50Error), fraction(r.Coverage20), math.Round(m.TrainSeconds*1000) / 1000,
	})
}

// MarshalJSON implements json.Marshaler.
func (h ShortHistory) MarshalJSON() ([]byte, error) {
	var books *int // null for all
	if h.Books >= 0 {
		books = &h.Books
	}
	return json.Marshal(struct {
		Books   *int     `json:"books"`
		Methods []Method `json:"methods"`
	}{books, h.Methods})
}

// MarshalJSON implements json.Marshaler.
func (c CategoryResult) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Name            string   `json:"category"`
		Readers         int      `json:"readers"`
		Ours            fraction `json:"recall@20"`
		OursError       fraction `json:"recall@20_error"`
		Popularity      fraction `json:"popularity_recall@20"`
		PopularityError fraction `json:"popularity_recall@20_error"`
	}{
		c.Name, c.Ours.Readers, fraction(c.Ours.Recall20), fraction(c.Ours.Recall20Error),
		fraction(c.Popularity.Recall20), fraction(c.Popularity.Recall20Error),
	})
}

// MarshalJSON implements json.Marshaler.
func (s Shelf) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Step        string   `json:"step,omitempty"`
		PerAuthor   int      `json:"per_author"` // 0 for any number
		Outside     int      `json:"outside"`
		NDCG10      fraction `json:"ndcg@10"`
		NDCG10Error fraction `json:"ndcg@10_error"`
		Change      fraction `json:"ndcg@10_change"`
		FewByOne    fraction `json:"at_most_2_by_one_author"`
		HasOutside  fraction `json:"one_from_outside"`
		Coverage12  fraction `json:"coverage@12"`
	}{
		s.Step, s.PerAuthor, s.Outside, fraction(s.NDCG10), fraction(s.NDCG10Error), fraction(s.Change),
		fraction(s.FewByOne), fraction(s.HasOutside), fraction(s.Coverage12),
	})
}

// WriteJSON writes the report as indented JSON.
func (r Report) WriteJSON(w io.Writer) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := json.Indent(&text, line, "", "  "); err != nil {
		return err
	}
	text.WriteByte('\n')
	_, err = w.Write(text.Bytes())
	return err
}

// WriteTable writes the report for people.
func (r Report) WriteTable(w io.Writer) error {
	var text bytes.Buffer
	kind := "test"
	if r.Validation {
		kind = "validation, without the readers of fold 0"
	}
	fmt.Fprintf(&text, "fold %d (%s): %d readers held out, with %d books as fold-in and %d as targets\n",
		r.Fold, kind, r.Readers, r.FoldIn, r.Targets)
	fmt.Fprintf(&text, "training: %d readers with %d positives of %d books\n", r.TrainingReaders, r.TrainingPositives, r.Books)
	fmt.Fprintf(&text, "%s: %s\n\n", r.Methods[0].Name, r.parameters())

	t := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "method\tNDCG@100\tRecall@20\tRecall@50\tcoverage@20\ttraining")
	for _, m := range r.Methods {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%.4f\t%.1f s\n", m.Name,
			withError(m.Result.NDCG100, m.Result.NDCG100Error), withError(m.Result.Recall20, m.Result.Recall20Error),
			withError(m.Result.Recall50, m.Result.Recall50Error), m.Result.Coverage20, m.TrainSeconds)
	}
	r.writeShortHistories(t)
	r.writeShelves(t)
	r.writeCategories(t)
	_ = t.Flush() // cannot fail: it writes to memory
	for _, note := range r.Notes {
		fmt.Fprintf(&text, "\n%s\n", note)
	}
	_, err := w.Write(text.Bytes())
	return err
}

func (r Report) writeShortHistories(w io.Writer) {
	if len(r.ShortHistories) == 0 {
		return
	}
	fmt.Fprint(w, "\nNDCG@100 by books known")
	for _, m := range r.ShortHistories[0].Methods {
		fmt.Fprintf(w, "\t%s", m.Name)
	}
	fmt.Fprintln(w)
	for _, h := range r.ShortHistories {
		fmt.Fprint(w, h.books())
		for _, m := range h.Methods {
			fmt.Fprintf(w, "\t%s", withError(m.Result.NDCG100, m.Result.NDCG100Error))
		}
		fmt.Fprintln(w)
	}
}

func (r Report) writeShelves(w io.Writer) {
	if len(r.Shelves) == 0 {
		return
	}
	fmt.Fprintln(w, "\nfirst 12 books\tNDCG@10\tchange\tat most 2 by one author\tone from outside\tcoverage@12")
	for _, s := range r.Shelves {
		fmt.Fprintf(w, "%s\t%s\t%+.1f %%\t%.1f %%\t%.1f %%\t%.4f\n", s.name(), withError(s.NDCG10, s.NDCG10Error),
			100*s.Change, 100*s.FewByOne, 100*s.HasOutside, s.Coverage12)
	}
}

func (s Shelf) name() string {
	name := fmt.Sprintf("%s by one author, %d from outside", s.perAuthor(), s.Outside)
	if s.Step != "" {
		name += " (" + s.Step + ")"
	}
	return name
}

func (s Shelf) perAuthor() string {
	if s.PerAuthor == 0 {
		return "any"
	}
	return strconv.Itoa(s.PerAuthor)
}

func (h ShortHistory) books() string {
	if h.Books < 0 {
		return "all"
	}
	return strconv.Itoa(h.Books)
}

func (r Report) writeCategories(w io.Writer) {
	if len(r.Categories) == 0 {
		return
	}
	fmt.Fprintf(w, "\nRecall@20 by category\treaders\t%s\tpopularity in the category\n", r.Methods[0].Name)
	for _, c := range r.Categories {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\n", c.Name, c.Ours.Readers,
			withError(c.Ours.Recall20, c.Ours.Recall20Error), withError(c.Popularity.Recall20, c.Popularity.Recall20Error))
	}
}

func (r Report) parameters() string {
	var list []string
	for name, value := range r.Parameters {
		list = append(list, fmt.Sprintf("%s %v", name, value))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func withError(value, standardError float64) string {
	return fmt.Sprintf("%.4f ± %.4f", value, standardError)
}
