package load

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strconv"
	"sync"
)

// task is a call to make.
type task struct {
	kind   Kind
	path   string // path and query
	form   url.Values
	want   string // source that the shelf must have; "" for any but fallback
	reader *reader
	mix    *mix
}

// done returns the reader of the task to the mix.
func (t task) done(full bool) {
	if t.reader == nil {
		return
	}
	if full {
		t.reader.visits++
	}
	if t.reader.visits < visits {
		t.mix.mu.Lock()
		defer t.mix.mu.Unlock()
		t.mix.idle = append(t.mix.idle, t.reader)
	}
}

// The shop gives visitors ids of this range. A random one has no history.
const (
	firstAnonymous = 1 << 52
	lastAnonymous  = 1<<53 - 1
)

// visits is how often a reader visits before a new one takes over.
const visits = 10

// reader is a browser. Its first visit is that of a visitor without a cookie; every second
// one then switches to a sample reader, and has a cookie from then on. One task at a time
// uses it.
type reader struct {
	jar    http.CookieJar
	sample int64 // sample reader to switch to; 0 for none
	visits int   // number of visits with a full answer
}

// mix chooses calls: the same ones for the same seed, as long as all are full.
type mix struct {
	random  *rand.Rand
	offer   offer
	readers []int64

	mu   sync.Mutex
	idle []*reader
	made int
}

func newMix(cfg Config, o offer) *mix {
	m := &mix{random: rand.New(rand.NewPCG(cfg.Seed, 1)), offer: o, readers: cfg.Readers}
	if len(m.readers) == 0 {
		m.readers = o.samples
	}
	return m
}

// next returns the next call. It must not be called concurrently.
func (m *mix) next() task {
	switch n := m.random.IntN(100); {
	case n < 30:
		return m.visit()
	case n < 50:
		return task{kind: Book, path: fmt.Sprintf("/books/%d", pick(m.random, m.offer.books).ID)}
	case n < 60:
		return task{kind: Search, path: "/search?q=" + url.QueryEscape(pick(m.random, m.offer.books).Title)}
	case n < 85:
		return task{kind: APIKnown, path: recommendations(pick(m.random, m.readers)), want: personal}
	default:
		id := firstAnonymous + m.random.Int64N(lastAnonymous-firstAnonymous+1)
		return task{kind: APIUnknown, path: recommendations(id), want: popular}
	}
}

func recommendations(id int64) string { return fmt.Sprintf("/api/v1/recommendations?user_id=%d", id) }

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// visit returns the next visit of the reader who has waited longest, or of a new one.
func (m *mix) visit() task {
	m.mu.Lock()
	defer m.mu.Unlock()
	var r *reader
	if len(m.idle) > 0 {
		r, m.idle = m.idle[0], m.idle[1:]
	} else {
		jar, _ := cookiejar.New(nil) // never fails without options
		r = &reader{jar: jar}
		if m.made++; m.made%2 == 0 && len(m.offer.samples) > 0 {
			r.sample = pick(m.random, m.offer.samples)
		}
	}
	t := task{kind: Front, path: "/", want: popular, reader: r, mix: m}
	switch {
	case r.sample == 0 || r.visits == 0:
	case r.visits == 1:
		t.kind, t.path, t.want = Switch, "/reader", ""
		t.form = url.Values{"reader": {strconv.FormatInt(r.sample, 10)}, "return": {"/"}}
	default:
		t.want = personal
	}
	return t
}
