package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"bookstall/internal/config"
	"bookstall/recommendations/internal/bookcsv"
	"bookstall/recommendations/internal/domain"
	"bookstall/recommendations/internal/engine"
	"bookstall/recommendations/internal/evaluate"
	"bookstall/recommendations/internal/models"
)

// evaluation measures the serving method and simple methods on readers that none of
// them was trained on.
type evaluation struct {
	Ratings     string `env:"-" required:"" placeholder:"FILE" help:"Ratings with whole histories: CSV with the columns user_id, book_id and rating, optionally compressed with gzip. Only readers of this file are held out."`
	MoreRatings string `env:"-" placeholder:"FILE" help:"More ratings to train on. Rows by readers of --ratings are ignored."`
	Books       string `env:"-" placeholder:"FILE" help:"Books, for authors and categories, in the format of this project or of goodbooks-10k. By default books.csv or books.csv.gz beside --ratings, if there is one; none for none."`
	Shelves     string `env:"-" placeholder:"FILE" help:"How many readers put each book on which shelf, which goodbooks-10k has in place of categories. By default shelves.csv or shelves.csv.gz beside --ratings, if there is one; none for none."`

	Fold       int  `env:"-" default:"0" help:"Fifth of the readers to hold out, 0 to 4."`
	Validation bool `name:"validate" env:"-" help:"Leave the readers of fold 0 out of training and measuring, so that fold 0 stays unseen while you tune."`

	Set map[string]float64 `env:"-" placeholder:"NAME=VALUE" help:"Parameters that differ from the serving model's. The first lines of the output list them all."`

	workersFlag `embed:""`
	formFlags   `embed:""`

	ShortHistories bool   `env:"-" help:"Also measure with only a few books of each reader known."`
	ByCategory     bool   `env:"-" help:"Also measure shelves of one category. Needs categories, from --books or --shelves."`
	Variety        bool   `env:"-" help:"Also measure the first 12 books of shelves with variety. Needs authors and categories."`
	JSON           bool   `name:"json" env:"-" help:"Print JSON instead of a table."`
	Plot           string `env:"-" placeholder:"FILE" help:"Draw NDCG@100 against the number of books known, as SVG."`
	PlotVariety    string `env:"-" placeholder:"FILE" help:"Draw NDCG@10 of shelves with variety, as SVG."`
}

// The names of the simple methods.
const (
	methodRandom             = "random"
	methodPopularity         = "popularity"
	methodCategoryPopularity = "category-popularity"
	methodKNN                = "item-knn"
)

const (
	knnNeighbours = 20 // the best of 10, 20 and 50
	randomDraws   = 20 // a single one is off by a sixth
)

// Validate is called by Kong. It reports all faults at once.
func (e *evaluation) Validate() error {
	var errs []error
	if e.Fold < 0 || e.Fold >= evaluate.Folds {
		errs = append(errs, fmt.Errorf("--fold is %d, want 0 to %d", e.Fold, evaluate.Folds-1))
	}
	if e.Validation && e.Fold == 0 {
		errs = append(errs, errors.New("--validate leaves fold 0 out, so --fold must be 1 to 4"))
	}
	return errors.Join(append(errs, e.workersFlag.validate(), e.formFlags.validate())...)
}

// Run prints the report once everything is measured, so that an interrupted run
// prints nothing.
func (e *evaluation) Run(ctx context.Context, to config.Streams) error {
	settings, err := e.settings()
	if err != nil {
		return err
	}
	e.lookBeside()
	if e.ByCategory && e.Books == "" && e.Shelves == "" {
		return errors.New("--by-category needs categories, from --books or --shelves")
	}
	m := &measuring{evaluation: e, settings: settings, progress: stepsTo(to.Err), mapped: map[string]bool{}}
	defer m.progress("")
	report, err := m.report(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return interrupted{}
		}
		return err
	}
	m.progress("")
	for file, draw := range map[string]func(io.Writer) error{e.Plot: report.WritePlot, e.PlotVariety: report.WriteVarietyPlot} {
		if file == "" {
			continue
		}
		var picture bytes.Buffer
		if err := draw(&picture); err != nil {
			return err
		}
		if err := os.WriteFile(file, picture.Bytes(), 0o644); err != nil {
			return err
		}
	}
	if !e.ShortHistories {
		report.ShortHistories = nil // measured for the plot alone
	}
	if !e.Variety {
		report.Shelves = nil // likewise
	}
	if e.JSON {
		return report.WriteJSON(to.Out)
	}
	return report.WriteTable(to.Out)
}

// measuring is one run of the command.
type measuring struct {
	*evaluation

	settings engineSettings
	progress func(step string)
	mapped   map[string]bool // columns of --map that files have
	form     bookcsv.Options // with the numbers of ids that are texts

	split   evaluate.Split
	authors []int32  // each item's author; nil if unknown
	names   []string // category names, sorted
	// categories has the categories of each item, as indexes of names; nil if
	// unknown.
	categories [][]int
	ranker     *engine.Ranker
}

// method is a method to measure.
type method struct {
	name  string
	rank  evaluate.CaseRanker
	draws int           // more than 1 for a method with chance in it
	train time.Duration // how long training took
}

func (m *measuring) report(ctx context.Context) (evaluate.Report, error) {
	if err := m.load(ctx); err != nil {
		return evaluate.Report{}, err
	}
	methods, err := m.methods(ctx)
	if err != nil {
		return evaluate.Report{}, err
	}
	r := evaluate.NewReport(m.split)
	r.Fold, r.Validation, r.Parameters = m.Fold, m.Validation, m.settings.named()
	r.Notes = append(r.Notes, fmt.Sprintf("random: mean of %d draws, from the seed %d; item-knn: cosine, %d neighbours", randomDraws, m.Fold, knnNeighbours))
	if files := slices.DeleteFunc([]string{m.Books, m.Shelves}, func(file string) bool { return file == "" }); len(files) > 0 {
		r.Notes = append(r.Notes, "authors and categories: "+strings.Join(files, ", "))
	}
	if m.categories == nil {
		r.Notes = append(r.Notes, methodCategoryPopularity+" is left out: it needs categories, from --books or --shelves")
	}
	if m.authors == nil {
		r.Notes = append(r.Notes, models.Method+" knows no authors: they come from --books")
	}
	if r.Methods, err = m.measure(ctx, "", m.split, methods); err != nil {
		return r, err
	}
	if m.ShortHistories || m.Plot != "" {
		if r.ShortHistories, err = m.shortHistories(ctx, methods, r.Methods); err != nil {
			return r, err
		}
	}
	if m.Variety || m.PlotVariety != "" {
		if m.authors == nil || m.categories == nil {
			return r, errors.New("variety needs authors, from --books, and categories, from --books or --shelves")
		}
		if r.Shelves, err = m.variety(ctx); err != nil {
			return r, err
		}
	}
	if m.ByCategory {
		r.Categories, err = m.byCategory(ctx)
	}
	return r, err
}

// load reads all files. Whether 007 is another id than 7 is known only once all are read.
func (m *measuring) load(ctx context.Context) error {
	m.form = m.options()
	m.form.BookIDs, m.form.ReaderIDs = domain.NewNumbering(domain.BookID, nil, false), domain.NewNumbering(domain.ReaderID, nil, false)
	for {
		err := m.loadAs(ctx)
		books, readers := m.form.BookIDs.Mixed(), m.form.ReaderIDs.Mixed()
		if !books && !readers {
			return err
		}
		if books {
			m.form.BookIDs = m.form.BookIDs.Split()
		}
		if readers {
			m.form.ReaderIDs = m.form.ReaderIDs.Split()
		}
	}
}

// loadAs is load with the present numbers of ids.
func (m *measuring) loadAs(ctx context.Context) error {
	data, isHeld, err := m.read(ctx)
	if err != nil {
		return err
	}
	if m.Validation {
		data = data.Without(0, isHeld)
	}
	m.split = data.Split(m.Fold, isHeld)
	if len(m.split.Cases) == 0 {
		return fmt.Errorf("%s: no reader of fold %d has %d books rated with %d stars or more and one to hide",
			m.Ratings, m.Fold, evaluate.MinPositives, evaluate.PositiveStars)
	}
	return errors.Join(m.describe(data.Books), m.form.CheckUsed(m.mapped))
}

// methods trains all methods, one after the other.
func (m *measuring) methods(ctx context.Context) ([]method, error) {
	s := m.split
	m.progress("training " + models.Method)
	start := time.Now()
	model, err := engine.Train(ctx, m.settings.dataset(s, m.authors), m.settings.params, m.count())
	if err != nil {
		return nil, err
	}
	took := time.Since(start)
	if m.ranker, err = engine.NewRanker(engine.Config{Model: model, Categories: m.categories, Authors: m.authors, Prior: m.settings.prior}); err != nil {
		return nil, err
	}
	ours := m.ours(engine.AnyCategory)
	ours.train = took
	methods := []method{
		ours,
		{name: methodRandom, rank: evaluate.Random(s, uint64(m.Fold)).ForCases(), draws: randomDraws},
		{name: methodPopularity, rank: evaluate.Popularity(s).ForCases(), draws: 1},
	}
	if m.categories != nil {
		methods = append(methods, method{name: methodCategoryPopularity, rank: evaluate.CategoryPopularity(s, m.categories).ForCases(), draws: 1})
	}
	m.progress("training " + methodKNN)
	start = time.Now()
	knn, err := evaluate.KNN(ctx, s, knnNeighbours)
	if err != nil {
		return nil, err
	}
	return append(methods, method{name: methodKNN, rank: knn.ForCases(), draws: 1, train: time.Since(start)}), nil
}

// ours returns the serving method, for shelves of one category.
func (m *measuring) ours(category int) method {
	return method{name: models.Method, rank: m.settings.rank(m.ranker, category), draws: 1}
}

func (m *measuring) measure(ctx context.Context, of string, s evaluate.Split, methods []method) ([]evaluate.Method, error) {
	var results []evaluate.Method
	for _, method := range methods {
		m.progress("measuring " + method.name + of)
		r, err := evaluate.MeasureCases(s, untilDone(ctx, method.rank), method.draws)
		if err := errors.Join(err, ctx.Err()); err != nil {
			return nil, fmt.Errorf("%s: %w", method.name, err)
		}
		results = append(results, evaluate.Method{Name: method.name, Result: r, TrainSeconds: method.train.Seconds()})
	}
	return results, nil
}

// untilDone ranks nothing once the context has ended, so that the rest of a
// measurement takes no time.
func untilDone(ctx context.Context, rank evaluate.CaseRanker) evaluate.CaseRanker {
	return func(dst []int32, c evaluate.Case, k int) []int32 {
		if ctx.Err() != nil {
			return dst
		}
		return rank(dst, c, k)
	}
}

// shortHistories measures with only some books of each reader known. It leaves out
// random, which does not use histories.
func (m *measuring) shortHistories(ctx context.Context, methods []method, whole []evaluate.Method) ([]evaluate.ShortHistory, error) {
	random := slices.IndexFunc(methods, func(m method) bool { return m.name == methodRandom })
	methods = slices.Delete(slices.Clone(methods), random, random+1)
	whole = slices.Delete(slices.Clone(whole), random, random+1)
	var list []evaluate.ShortHistory
	for _, books := range []int{0, 1, 3, 5, 10, 20, 50} {
		results, err := m.measure(ctx, fmt.Sprintf(" on %d books", books), m.split.Shorten(books), methods)
		if err != nil {
			return nil, err
		}
		list = append(list, evaluate.ShortHistory{Books: books, Methods: results})
	}
	return append(list, evaluate.ShortHistory{Books: -1, Methods: whole}), nil
}

func (m *measuring) byCategory(ctx context.Context) ([]evaluate.CategoryResult, error) {
	var list []evaluate.CategoryResult
	popularity := evaluate.PopularityByCategory(m.split, m.categories)
	for c, name := range m.names {
		s := m.split.InCategory(m.categories, c)
		if len(s.Cases) == 0 {
			continue
		}
		results, err := m.measure(ctx, " of "+name, s, []method{
			m.ours(c),
			{name: methodPopularity, rank: popularity[c].ForCases(), draws: 1},
		})
		if err != nil {
			return nil, err
		}
		list = append(list, evaluate.CategoryResult{Name: name, Ours: results[0].Result, Popularity: results[1].Result})
	}
	return list, nil
}

// stepsTo returns a function that shows the current step on one line if w is a
// terminal; an empty step clears the line.
func stepsTo(w io.Writer) func(step string) {
	if !isTerminal(w) {
		return func(string) {}
	}
	return func(step string) { fmt.Fprint(w, clearLine+step) }
}
