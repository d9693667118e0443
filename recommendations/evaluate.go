package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"bookstall/recommendations/internal/engine"
	"bookstall/recommendations/internal/evaluate"
	"bookstall/recommendations/internal/models"
)

// evaluation measures the method that serves, and simple ones beside it, on
// readers that none of them has seen.
type evaluation struct {
	Ratings     string `env:"-" required:"" placeholder:"FILE" help:"Ratings with whole histories, as CSV with the columns user_id, book_id and rating, packed with gzip or not. Only readers of this file are held out."`
	MoreRatings string `env:"-" placeholder:"FILE" help:"More ratings to train on; those of readers of --ratings are passed over."`
	Books       string `env:"-" placeholder:"FILE" help:"The books, in the format of this project or in that of goodbooks-10k, for their authors and categories; books.csv or books.csv.gz beside --ratings if not given; none for none."`
	Shelves     string `env:"-" placeholder:"FILE" help:"How many readers put each book on which shelf, as goodbooks-10k has it in the place of categories; shelves.csv or shelves.csv.gz beside --ratings if not given; none for none."`

	Fold       int  `env:"-" default:"0" help:"Fifth of the readers to hold out, 0 to 4."`
	Validation bool `name:"validate" env:"-" help:"Leave the readers of fold 0 out of everything, so that settings chosen by this fold have not seen them."`

	Set     map[string]float64 `env:"-" placeholder:"NAME=VALUE" help:"Parameters to measure in the place of those that serve; the first lines of the output name them all."`
	Workers int                `env:"-" default:"0" help:"Goroutines to train on; 0 for one a CPU."`

	ShortHistories bool   `env:"-" help:"Measure also how well readers are served of whom few books are known."`
	ByCategory     bool   `env:"-" help:"Measure also shelves of one category; needs categories, from --books or --shelves."`
	JSON           bool   `name:"json" env:"-" help:"Print JSON in the place of a table."`
	Plot           string `env:"-" placeholder:"FILE" help:"Draw NDCG@100 against the number of books known, as SVG."`
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
	randomDraws   = 20 // one alone is off by a sixth
)

// Validate is called by the parser. It reports all faults at once.
func (e *evaluation) Validate() error {
	var errs []error
	if e.Fold < 0 || e.Fold >= evaluate.Folds {
		errs = append(errs, fmt.Errorf("--fold is %d, want 0 to %d", e.Fold, evaluate.Folds-1))
	}
	if e.Validation && e.Fold == 0 {
		errs = append(errs, errors.New("--validate leaves fold 0 out, so --fold must be 1 to 4"))
	}
	if e.Workers < 0 {
		errs = append(errs, fmt.Errorf("--workers is %d, want 0 or more", e.Workers))
	}
	return errors.Join(errs...)
}

// run prints the report when all is measured, so that an interrupted run prints
// none.
func (e *evaluation) run(ctx context.Context, stdout, stderr io.Writer) error {
	settings, err := e.settings()
	if err != nil {
		return err
	}
	e.lookBeside()
	if e.ByCategory && e.Books == "" && e.Shelves == "" {
		return errors.New("--by-category needs categories, from --books or --shelves")
	}
	m := &measuring{evaluation: e, settings: settings, progress: progressTo(stderr)}
	defer m.progress("")
	report, err := m.report(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		return err
	}
	m.progress("")
	if e.Plot != "" {
		var picture bytes.Buffer
		if err := report.WritePlot(&picture); err != nil {
			return err
		}
		if err := os.WriteFile(e.Plot, picture.Bytes(), 0o644); err != nil {
			return err
		}
	}
	if !e.ShortHistories {
		report.ShortHistories = nil // were measured for the picture alone
	}
	if e.JSON {
		return report.WriteJSON(stdout)
	}
	return report.WriteTable(stdout)
}

// engineSettings are the parameters of the method that serves.
type engineSettings struct {
	params    engine.Params
	prior     engine.Prior
	strengths engine.Strengths
}

// servingSettings are those that serve.
func servingSettings() engineSettings {
	return engineSettings{params: engine.DefaultParams(), prior: engine.DefaultPrior(), strengths: engine.DefaultStrengths()}
}

// settings are those that serve, but for what --set says.
func (e *evaluation) settings() (engineSettings, error) {
	s := servingSettings()
	var unknown []string
	for name, value := range e.Set {
		whole := int(value)
		if stars, ok := strings.CutPrefix(name, "stars-"); ok || name == "neighbours" {
			if float64(whole) != value || ok && (whole < 0 || whole > int(engine.Full)) {
				return s, fmt.Errorf("--set: %s is %v, want a whole number, for stars 0 to %d", name, value, engine.Full)
			}
			if n, err := strconv.Atoi(stars); ok && err == nil && n >= 1 && n <= len(s.strengths) {
				s.strengths[n-1] = engine.Strength(whole)
				continue
			}
		}
		switch name {
		case "neighbours":
			s.params.Neighbours = whole
		case "author":
			s.params.Author = value
		case "alpha":
			s.params.Alpha = value
		case "lambda":
			s.params.Lambda = value
		case "prior-cap":
			s.prior.Cap = value
		case "prior-scale":
			s.prior.Scale = value
		default:
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return s, fmt.Errorf("--set: no parameter is called %s; there are alpha, author, lambda, neighbours, prior-cap, prior-scale and stars-1 to stars-5", strings.Join(unknown, " or "))
	}
	if err := errors.Join(s.params.Validate(), s.prior.Validate()); err != nil {
		return s, fmt.Errorf("--set: %w", err)
	}
	return s, nil
}

func (s engineSettings) named() map[string]float64 {
	all := map[string]float64{
		"neighbours": float64(s.params.Neighbours), "alpha": s.params.Alpha, "lambda": s.params.Lambda,
		"author": s.params.Author, "prior-cap": s.prior.Cap, "prior-scale": s.prior.Scale,
	}
	for k, strength := range s.strengths {
		all[fmt.Sprintf("stars-%d", k+1)] = float64(strength)
	}
	return all
}

// opinions is rated books as the engine takes them.
func (s engineSettings) opinions(rated []evaluate.Rated) (items []int32, strengths []engine.Strength) {
	for _, r := range rated {
		if strength := s.strengths.Of(int(r.Stars)); strength > 0 {
			items, strengths = append(items, r.Item), append(strengths, strength)
		}
	}
	return items, strengths
}

// dataset is what a split has for training.
func (s engineSettings) dataset(split evaluate.Split, authors []int32) engine.Dataset {
	d := engine.Dataset{Items: split.Items, Authors: authors}
	for _, rated := range split.TrainRated {
		items, strengths := s.opinions(rated)
		d.Readers, d.Strengths = append(d.Readers, items), append(d.Strengths, strengths)
	}
	return d
}

// recommender asks a ranker for books of one category.
func (s engineSettings) recommender(ranker *engine.Ranker, category int) evaluate.CaseRanker {
	var scored []engine.Scored
	return func(dst []int32, c evaluate.Case, k int) []int32 {
		items, strengths := s.opinions(c.Rated)
		scored = ranker.Rank(scored[:0], engine.Query{
			History: items, Strengths: strengths, Exclude: c.Hidden, Category: category, K: k,
		})
		for _, one := range scored {
			dst = append(dst, one.Item)
		}
		return dst
	}
}

// measuring is one run.
type measuring struct {
	*evaluation

	settings engineSettings
	progress func(step string)

	split   evaluate.Split
	authors []int32 // of each item; nil when they are not known
	names   []string
	// categories has those of each item, as places in names; nil when they are
	// not known.
	categories [][]int
	ranker     *engine.Ranker
}

// method is something to measure.
type method struct {
	name      string
	recommend evaluate.CaseRanker
	draws     int
	train     time.Duration
}

func (m *measuring) report(ctx context.Context) (evaluate.Report, error) {
	data, isHeld, err := m.read(ctx)
	if err != nil {
		return evaluate.Report{}, err
	}
	if m.Validation {
		data = data.Without(0, isHeld)
	}
	m.split = data.Split(m.Fold, isHeld)
	if len(m.split.Cases) == 0 {
		return evaluate.Report{}, fmt.Errorf("%s: no reader of fold %d has %d books rated with %d stars or more and one to hide",
			m.Ratings, m.Fold, evaluate.MinPositives, evaluate.PositiveStars)
	}
	if err := m.describe(data.Books); err != nil {
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
	if m.ByCategory {
		r.Categories, err = m.byCategory(ctx)
	}
	return r, err
}

// methods trains all methods, one after the other.
func (m *measuring) methods(ctx context.Context) ([]method, error) {
	s := m.split
	m.progress("training " + models.Method)
	start := time.Now()
	workers := m.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	model, err := engine.TrainContext(ctx, m.settings.dataset(s, m.authors), m.settings.params, workers)
	if err != nil {
		return nil, err
	}
	took := time.Since(start)
	if m.ranker, err = engine.NewRanker(engine.Config{Model: model, Categories: m.categories, Prior: m.settings.prior}); err != nil {
		return nil, err
	}
	ours := m.ours(engine.AnyCategory)
	ours.train = took
	methods := []method{
		ours,
		{name: methodRandom, recommend: evaluate.Random(s, uint64(m.Fold)).ForCases(), draws: randomDraws},
		{name: methodPopularity, recommend: evaluate.Popularity(s).ForCases(), draws: 1},
	}
	if m.categories != nil {
		methods = append(methods, method{name: methodCategoryPopularity, recommend: evaluate.CategoryPopularity(s, m.categories).ForCases(), draws: 1})
	}
	m.progress("training " + methodKNN)
	start = time.Now()
	knn, err := evaluate.KNN(ctx, s, knnNeighbours)
	if err != nil {
		return nil, err
	}
	return append(methods, method{name: methodKNN, recommend: knn.ForCases(), draws: 1, train: time.Since(start)}), nil
}

// ours is the method that serves.
func (m *measuring) ours(category int) method {
	return method{name: models.Method, recommend: m.settings.recommender(m.ranker, category), draws: 1}
}

func (m *measuring) measure(ctx context.Context, of string, s evaluate.Split, methods []method) ([]evaluate.Method, error) {
	var results []evaluate.Method
	for _, method := range methods {
		m.progress("measuring " + method.name + of)
		r, err := evaluate.MeasureCases(s, whileGoing(ctx, method.recommend), method.draws)
		if err := errors.Join(err, ctx.Err()); err != nil {
			return nil, fmt.Errorf("%s: %w", method.name, err)
		}
		results = append(results, evaluate.Method{Name: method.name, Result: r, TrainSeconds: method.train.Seconds()})
	}
	return results, nil
}

// whileGoing recommends nothing once the context has ended, so that what is left
// of a measurement takes no time.
func whileGoing(ctx context.Context, recommend evaluate.CaseRanker) evaluate.CaseRanker {
	return func(dst []int32, c evaluate.Case, k int) []int32 {
		if ctx.Err() != nil {
			return dst
		}
		return recommend(dst, c, k)
	}
}

// shortHistories leaves out random; it does not look at histories.
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
			{name: methodPopularity, recommend: popularity[c].ForCases(), draws: 1},
		})
		if err != nil {
			return nil, err
		}
		list = append(list, evaluate.CategoryResult{Name: name, Ours: results[0].Result, Popularity: results[1].Result})
	}
	return list, nil
}

// progressTo shows one step after the other on one line if w is a terminal; an
// empty step clears the line.
func progressTo(w io.Writer) func(step string) {
	file, ok := w.(*os.File)
	if !ok {
		return func(string) {}
	}
	if info, err := file.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return func(string) {}
	}
	const clearLine = "\r\x1b[K"
	return func(step string) { fmt.Fprint(w, clearLine+step) }
}
