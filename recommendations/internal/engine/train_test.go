package engine_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bookstall/recommendations/internal/engine"
)

// TestTrainIsRidgeRegression compares with the textbook: the whole Gram matrix,
// neighbours by exact comparison of fractions, Gaussian elimination.
func TestTrainIsRidgeRegression(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 6))
		d, p := randomDataset(rng), randomParams(rng)
		got, err := engine.Train(d, p, 2)
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
	g := make([][]int64, n)
	for i := range g {
		g[i] = make([]int64, n)
	}
	for _, items := range d.Readers {
		for _, i := range items {
			for _, j := range items {
				g[i][j]++
			}
		}
	}
	w := make([]float64, n)
	m := engine.Model{RowStart: []int32{0}, Counts: make([]int32, n)}
	for i := range n {
		m.Counts[i] = int32(g[i][i])
		w[i] = math.Pow(math.Max(float64(g[i][i]), .01), -p.Alpha/2)
	}
	b := make([]map[int]float64, n) // by source
	for i := range b {
		b[i] = map[int]float64{}
	}
	for j := range n {
		var near []int
		for i := range n {
			if i != j && g[i][j] > 0 {
				near = append(near, i)
			}
		}
		slices.SortStableFunc(near, func(a, b int) int {
			// G_aj²/c_a against G_bj²/c_b, the larger first.
			x, y := g[a][j]*g[a][j]*g[b][b], g[b][j]*g[b][j]*g[a][a]
			return int(min(max(y-x, -1), 1))
		})
		near = near[:min(p.Neighbours, len(near))]
		system := make([][]float64, len(near))
		for a, i := range near {
			for c, k := range near {
				s := w[i] * w[k] * float64(g[i][k])
				if a == c {
					s += p.Lambda
				}
				system[a] = append(system[a], s)
			}
			system[a] = append(system[a], w[i]*w[j]*float64(g[i][j]))
		}
		for a, v := range eliminate(system) {
			b[near[a]][j] = v * w[near[a]] / w[j]
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

// eliminate solves a system whose last column is the right side.
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
	want, err := engine.Train(d, engine.DefaultParams(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, workers := range []int{-1, 0, 2, 3, 16, 1000} {
		got, err := engine.Train(d, engine.DefaultParams(), workers)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(want.RowStart, got.RowStart) || !slices.Equal(want.Targets, got.Targets) ||
			!slices.Equal(bits(want.Weights), bits(got.Weights)) || !slices.Equal(want.Counts, got.Counts) {
			t.Errorf("%d workers make another model than 1", workers)
		}
	}
}

// bits tells apart what compares equal, such as 0 and -0.
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
		m, err := engine.Train(tt.d, engine.DefaultParams(), 2)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if len(m.Weights) != tt.want {
			t.Errorf("%s: %d weights, want %d", tt.name, len(m.Weights), tt.want)
		}
		r := newRanker(t, engine.Config{Model: m, Prior: engine.DefaultPrior()})
		q := engine.Query{History: []int32{0}, Category: engine.AnyCategory, K: 100}
		if got, want := len(r.Recommend(nil, q)), max(tt.d.Items-1, 0); got != want {
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
		{"repeated", engine.Dataset{Items: 3, Readers: [][]int32{{1, 1}}}, engine.DefaultParams(), "item 1 after item 1"},
		{
			// Three books that the same readers like are one equation, and
			// so small a ridge is lost in the rounding.
			"lambda lost in rounding",
			engine.Dataset{Items: 4, Readers: [][]int32{{0, 1, 2, 3}, {0, 1, 2, 3}, {0, 1, 2, 3}}},
			params(func(p *engine.Params) { p.Lambda = 1e-300 }), "lambda 1e-300 is too small",
		},
	}
	for _, tt := range tests {
		if _, err := engine.Train(tt.d, tt.p, 2); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", tt.name, err, tt.want)
		}
	}
}
