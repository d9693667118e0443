package engine_test

import (
	stdcmp "cmp"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bookstall/recommendations/internal/engine"
)

// TestTrainIsRidgeRegression compares a trained model with a textbook
// implementation: whole matrices, all neighbours sorted, Gaussian elimination.
func TestTrainIsRidgeRegression(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 6))
		d, p := randomDataset(rng), randomParams(rng)
		got, err := engine.Train(t.Context(), d, p, 2)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if err := got.Validate(); err != nil {
			t.Fatalf("seed %d: the model is invalid: %v", seed, err)
		}
		if diff := cmp.Diff(textbook(d, p), got, cmpopts.EquateEmpty(), cmpopts.EquateApprox(1e-5, 1e-6)); diff != "" {
			t.Fatalf("seed %d, %+v (-want +got):\n%s", seed, p, diff)
		}
	}
}

func textbook(d engine.Dataset, p engine.Params) engine.Model {
	n := d.Items
	m := engine.Model{RowStart: []int32{0}, Counts: make([]int32, n)}
	// x holds the strengths, y which books readers like.
	var x, y [][]float64
	for r, items := range d.Readers {
		weights, likes := make([]float64, n), make([]float64, n)
		for k, i := range items {
			weights[i] = 1
			if d.Strengths != nil {
				weights[i] = float64(d.Strengths[r][k]) / float64(engine.Full)
			}
			if weights[i] >= 0.5 {
				likes[i] = 1
				m.Counts[i]++
			}
		}
		x, y = append(x, weights), append(y, likes)
	}
	// product returns a cell of AᵀB.
	product := func(a, b [][]float64, i, j int) float64 {
		sum := 0.0
		for r := range a {
			sum += a[r][i] * b[r][j]
		}
		return sum
	}
	kin := func(i, j int) float64 {
		if d.Authors != nil && d.Authors[i] >= 0 && d.Authors[i] == d.Authors[j] {
			return p.Author
		}
		return 0
	}
	w, u := make([]float64, n), make([]float64, n) // weights of sources and of targets
	for i := range n {
		w[i] = math.Pow(math.Max(product(x, x, i, i), 1), -p.Alpha/2)
		u[i] = math.Pow(math.Max(float64(m.Counts[i]), 1), -p.Alpha/2)
	}
	b := make([]map[int]float64, n) // row of each source
	for i := range b {
		b[i] = map[int]float64{}
	}
	for j := range n {
		right := make([]float64, n) // S_Nj, scaled
		cosine := make([]float64, n)
		var near []int
		for i := range n {
			right[i] = w[i]*u[j]*product(x, y, i, j) + kin(i, j)
			cosine[i] = right[i] / w[i] / math.Sqrt(math.Max(product(x, x, i, i), 1))
			if i != j && right[i] > 0 {
				near = append(near, i)
			}
		}
		slices.SortStableFunc(near, func(a, b int) int {
			if math.Abs(cosine[a]-cosine[b]) < 1e-12 {
				return 0
			}
			return stdcmp.Compare(cosine[b], cosine[a])
		})
		near = near[:min(p.Neighbours, len(near))]
		system := make([][]float64, len(near))
		for a, i := range near {
			for c, k := range near {
				s := w[i]*w[k]*product(x, x, i, k) + kin(i, k)
				if a == c {
					s = w[i]*w[i]*math.Max(product(x, x, i, i), 1) + kin(i, i) + p.Lambda
				}
				system[a] = append(system[a], s)
			}
			system[a] = append(system[a], right[i])
		}
		for a, v := range eliminate(system) {
			b[near[a]][j] = v * w[near[a]] / u[j]
		}
	}
	for i := range n {
		for j := range n {
			if v, ok := b[i][j]; ok {
				m.Targets = append(m.Targets, int32(j))
				m.Weights = append(m.Weights, float32(v))
			}
		}
		m.RowStart = append(m.RowStart, int32(len(m.Targets)))
	}
	return m
}

// eliminate solves a linear system whose last column is the right-hand side.
func eliminate(s [][]float64) []float64 {
	n := len(s)
	for p := range n {
		for r := range n {
			if r == p {
				continue
			}
			f := s[r][p] / s[p][p]
			for c := p; c <= n; c++ {
				s[r][c] -= f * s[p][c]
			}
		}
	}
	x := make([]float64, n)
	for p := range n {
		x[p] = s[p][n] / s[p][p]
	}
	return x
}

func TestTrainIsDeterministic(t *testing.T) {
	d := clusters(3000, 400, 20, 1)
	rng := rand.New(rand.NewPCG(8, 8))
	for _, items := range d.Readers {
		d.Strengths = append(d.Strengths, randomStrengths(rng, len(items)))
	}
	for i := range d.Items {
		d.Authors = append(d.Authors, int32(i/3))
	}
	want, err := engine.Train(t.Context(), d, engine.DefaultParams(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, workers := range []int{-1, 0, 2, 3, 16, 1000} {
		got, err := engine.Train(t.Context(), d, engine.DefaultParams(), workers)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(want.RowStart, got.RowStart) || !slices.Equal(want.Targets, got.Targets) ||
			!slices.Equal(bits(want.Weights), bits(got.Weights)) || !slices.Equal(want.Counts, got.Counts) {
			t.Errorf("%d workers train a different model than 1", workers)
		}
	}
}

// bits returns the bits of the weights, in which 0 and -0 differ.
func bits(weights []float32) []uint32 {
	b := make([]uint32, len(weights))
	for k, w := range weights {
		b[k] = math.Float32bits(w)
	}
	return b
}

func TestTrainOnLittle(t *testing.T) {
	tests := []struct {
		name string
		d    engine.Dataset
		want int // weights
	}{
		{"nothing", engine.Dataset{}, 0},
		{"one item", engine.Dataset{Items: 1, Readers: [][]int32{{0}, {0}}}, 0},
		{"no readers", engine.Dataset{Items: 5}, 0},
		{"readers who like nothing", engine.Dataset{Items: 5, Readers: [][]int32{{}, nil}}, 0},
		{"readers of one book each", engine.Dataset{Items: 3, Readers: [][]int32{{0}, {1}, {2}}}, 0},
		{"one pair, fewer items than neighbours", engine.Dataset{Items: 9, Readers: [][]int32{{3, 7}}}, 2},
		{"all like the same", engine.Dataset{Items: 3, Readers: [][]int32{{0, 1, 2}, {0, 1, 2}}}, 6},
	}
	for _, tt := range tests {
		m, err := engine.Train(t.Context(), tt.d, engine.DefaultParams(), 2)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if len(m.Weights) != tt.want {
			t.Errorf("%s: %d weights, want %d", tt.name, len(m.Weights), tt.want)
		}
		r := newRanker(t, engine.Config{Model: m, Prior: engine.DefaultPrior()})
		q := engine.Query{History: []int32{0}, Category: engine.AnyCategory, K: 100}
		if got, want := len(r.Rank(nil, q)), max(tt.d.Items-1, 0); got != want {
			t.Errorf("%s: %d books recommended, want %d", tt.name, got, want)
		}
	}
}

func TestTrainRefuses(t *testing.T) {
	good := engine.Dataset{Items: 3, Readers: [][]int32{{0, 2}}}
	params := func(change func(*engine.Params)) engine.Params {
		p := engine.DefaultParams()
		change(&p)
		return p
	}
	tests := []struct {
		name string
		d    engine.Dataset
		p    engine.Params
		want string
	}{
		{"zero params", good, engine.Params{}, "neighbours is 0"},
		{"many neighbours", good, params(func(p *engine.Params) { p.Neighbours = 1 << 40 }), "neighbours is"},
		{"alpha", good, params(func(p *engine.Params) { p.Alpha = math.NaN() }), "alpha is NaN"},
		{"no lambda", good, params(func(p *engine.Params) { p.Lambda = 0 }), "lambda is 0"},
		{"endless lambda", good, params(func(p *engine.Params) { p.Lambda = math.Inf(1) }), "lambda is +Inf"},
		{"negative items", engine.Dataset{Items: -1}, engine.DefaultParams(), "number of items is -1"},
		{"too many items", engine.Dataset{Items: math.MaxInt}, engine.DefaultParams(), "number of items is"},
		{"item too high", engine.Dataset{Items: 3, Readers: [][]int32{{}, {3}}}, engine.DefaultParams(), "reader 1: item 3 is out of range"},
		{"item negative", engine.Dataset{Items: 3, Readers: [][]int32{{-1}}}, engine.DefaultParams(), "item -1 is out of range"},
		{"item of no items", engine.Dataset{Readers: [][]int32{{0}}}, engine.DefaultParams(), "item 0 is out of range"},
		{"unsorted", engine.Dataset{Items: 3, Readers: [][]int32{{2, 0}}}, engine.DefaultParams(), "item 0 after item 2"},
		{"strengths of others", engine.Dataset{Items: 3, Readers: good.Readers, Strengths: [][]engine.Strength{}}, engine.DefaultParams(), "strengths of 0 readers, want 1"},
		{"too few strengths", engine.Dataset{Items: 3, Readers: good.Readers, Strengths: [][]engine.Strength{{1}}}, engine.DefaultParams(), "reader 0: 1 strengths for 2 items"},
		{"too strong", engine.Dataset{Items: 3, Readers: good.Readers, Strengths: [][]engine.Strength{{1, 17}}}, engine.DefaultParams(), "reader 0: strength of item 2 is 17"},
		{"too few authors", engine.Dataset{Items: 3, Authors: []int32{1}}, engine.DefaultParams(), "authors of 1 items, want 3"},
		{"author", good, params(func(p *engine.Params) { p.Author = math.NaN() }), "author is NaN"},
		{"repeated", engine.Dataset{Items: 3, Readers: [][]int32{{1, 1}}}, engine.DefaultParams(), "item 1 after item 1"},
		{
			// Three books that the same readers like give one equation, and
			// rounding loses so small a ridge.
			"lambda lost in rounding",
			engine.Dataset{Items: 4, Readers: [][]int32{{0, 1, 2, 3}, {0, 1, 2, 3}, {0, 1, 2, 3}}},
			params(func(p *engine.Params) { p.Lambda = 1e-300 }), "lambda 1e-300 is too small",
		},
	}
	for _, tt := range tests {
		if _, err := engine.Train(t.Context(), tt.d, tt.p, 2); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}

// A book without readers follows from another book of its author and from no
// other, and from none if authors do not count.
func TestBooksOfOneAuthor(t *testing.T) {
	const hers, unread, other = 0, 3, 1
	d := engine.Dataset{
		Items: 5, Authors: []int32{7, -1, 2, 7, -1}, // the two unknown authors are not the same
		Readers: [][]int32{{hers, other}, {hers, 2}, {other, 2, 4}, {hers, 4}},
	}
	p := engine.DefaultParams()
	m, err := engine.Train(t.Context(), d, p, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range d.Items {
		targets, weights := m.Row(i)
		k := slices.Index(targets, unread)
		if (k >= 0) != (i == hers) {
			t.Errorf("row %d has the targets %v", i, targets)
		}
		if k >= 0 && weights[k] <= 0 {
			t.Errorf("the weight for the new book is %v", weights[k])
		}
	}
	p.Author = 0
	if m, err = engine.Train(t.Context(), d, p, 1); err != nil {
		t.Fatal(err)
	}
	if slices.Contains(m.Targets, unread) {
		t.Errorf("the new book is a target of %v", m)
	}
}

// A book that has readers but that none of them likes is not a target, but has
// weights for others.
func TestWeakBooks(t *testing.T) {
	weak := engine.Liked - 1
	m, err := engine.Train(t.Context(), engine.Dataset{
		Items: 3, Readers: [][]int32{{0, 1}, {0, 1}, {0, 2}},
		Strengths: [][]engine.Strength{{engine.Full, weak}, {engine.Liked, weak}, {engine.Full, 0}},
	}, engine.DefaultParams(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int32{0}, m.Targets); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
	if targets, weights := m.Row(1); len(targets) != 1 || weights[0] <= 0 {
		t.Errorf("the weak book has the weights %v for %v", weights, targets)
	}
	if diff := cmp.Diff([]int32{3, 0, 0}, m.Counts); diff != "" {
		t.Errorf("readers who like each (-want +got):\n%s", diff)
	}
}

func TestStrengths(t *testing.T) {
	s := engine.DefaultStrengths()
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
	for stars, likes := range map[int]bool{-1: false, 0: false, 1: false, 2: false, 3: false, 4: true, 5: true, 6: false} {
		if got := s.Of(stars); (got >= engine.Liked) != likes {
			t.Errorf("%d stars have the strength %d", stars, got)
		}
	}
	if err := (engine.Strengths{0, 0, 17}).Validate(); err == nil || !strings.Contains(err.Error(), "strength of 3 stars is 17") {
		t.Error(err)
	}
}

func TestTrainStopsWhenItsContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, workers := range []int{1, 3} {
		m, err := engine.Train(ctx, clusters(300, 40, 10, 2), engine.DefaultParams(), workers)
		if !errors.Is(err, context.Canceled) || m.Items() != 0 {
			t.Errorf("%d workers: %d items, %v; want none, context canceled", workers, m.Items(), err)
		}
	}
}
