package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// answer is what a call gets, and when.
type answer struct {
	after time.Duration
	text  string
	err   error
}

// script is a connection whose calls get answers in turn; the last one goes on.
type script struct {
	grpc.ClientConnInterface

	answers []answer

	mu    sync.Mutex
	made  []time.Time
	ended []error // of the calls that were given up, in the order of their end
}

func (s *script) Invoke(ctx context.Context, _ string, _, reply any, _ ...grpc.CallOption) error {
	s.mu.Lock()
	a := s.answers[min(len(s.made), len(s.answers)-1)]
	s.made = append(s.made, time.Now())
	s.mu.Unlock()
	select {
	case <-ctx.Done():
		s.mu.Lock()
		s.ended = append(s.ended, ctx.Err())
		s.mu.Unlock()
		return ctx.Err()
	case <-time.After(a.after):
	}
	reply.(*wrapperspb.StringValue).Value = a.text
	return a.err
}

func TestHedger(t *testing.T) {
	const late = 10 * time.Millisecond
	broken, alsoBroken := errors.New("broken"), errors.New("also broken")
	tests := []struct {
		name           string
		answers        []answer
		poor           bool // without a budget
		patience       time.Duration
		want           string
		wantErr        error
		took           time.Duration
		calls, givenUp int
	}{
		{name: "in time", answers: []answer{{5 * time.Millisecond, "first", nil}}, want: "first", took: 5 * time.Millisecond, calls: 1},
		{name: "an error in time", answers: []answer{{5 * time.Millisecond, "", broken}}, wantErr: broken, took: 5 * time.Millisecond, calls: 1},
		{name: "the second is first", answers: []answer{{time.Hour, "first", nil}, {2 * time.Millisecond, "second", nil}}, want: "second", took: 12 * time.Millisecond, calls: 2, givenUp: 1},
		{name: "the first is first", answers: []answer{{15 * time.Millisecond, "first", nil}, {time.Hour, "second", nil}}, want: "first", took: 15 * time.Millisecond, calls: 2, givenUp: 1},
		{name: "the first fails late", answers: []answer{{15 * time.Millisecond, "part", broken}, {20 * time.Millisecond, "second", nil}}, want: "second", took: 30 * time.Millisecond, calls: 2},
		{name: "the second fails", answers: []answer{{50 * time.Millisecond, "first", nil}, {time.Millisecond, "part", broken}}, want: "first", took: 50 * time.Millisecond, calls: 2},
		{name: "both fail", answers: []answer{{15 * time.Millisecond, "", broken}, {20 * time.Millisecond, "", alsoBroken}}, wantErr: broken, took: 30 * time.Millisecond, calls: 2},
		{name: "neither answers", answers: []answer{{time.Hour, "", nil}}, patience: 300 * time.Millisecond, wantErr: context.DeadlineExceeded, took: 300 * time.Millisecond, calls: 2, givenUp: 2},
		{name: "no budget", poor: true, answers: []answer{{50 * time.Millisecond, "first", nil}}, want: "first", took: 50 * time.Millisecond, calls: 1},
		{name: "no budget, an error", poor: true, answers: []answer{{50 * time.Millisecond, "", broken}}, wantErr: broken, took: 50 * time.Millisecond, calls: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := &script{answers: tt.answers}
				h := &hedger{pick: onlyOver(conn), late: fixed(late), budget: budget{share: 1, most: 1}}
				if tt.poor {
					h.budget = budget{}
				}
				ctx, cancel := context.WithTimeout(t.Context(), cmp.Or(tt.patience, time.Second))
				defer cancel()
				var reply wrapperspb.StringValue
				began := time.Now()
				err := h.Invoke(ctx, "/service/Method", nil, &reply)
				took := time.Since(began)
				synctest.Wait()
				if !errors.Is(err, tt.wantErr) || err == nil && reply.GetValue() != tt.want {
					t.Errorf("got %q, %v, want %q, %v", reply.GetValue(), err, tt.want, tt.wantErr)
				}
				if took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
				if len(conn.made) != tt.calls || len(conn.ended) != tt.givenUp {
					t.Errorf("%d calls, %d given up: %v, want %d, %d", len(conn.made), len(conn.ended), conn.ended, tt.calls, tt.givenUp)
				}
				if len(conn.made) == 2 && conn.made[1].Sub(conn.made[0]) != late {
					t.Errorf("the second call came after %v, want %v", conn.made[1].Sub(conn.made[0]), late)
				}
				if want := int64(tt.calls - 1); h.sent.Load() != want {
					t.Errorf("counted %d second calls, want %d", h.sent.Load(), want)
				}
			})
		})
	}
}

// TestBudget lets all calls be late.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := &script{answers: []answer{{50 * time.Millisecond, "x", nil}}}
		h := &hedger{pick: onlyOver(conn), late: fixed(10 * time.Millisecond), budget: budget{share: budgetPart, most: budgetMost}}
		const calls = 1000
		var all sync.WaitGroup
		for range calls {
			all.Go(func() {
				if err := h.Invoke(t.Context(), "/service/Method", nil, &wrapperspb.StringValue{}); err != nil {
					t.Error(err)
				}
			})
			time.Sleep(time.Millisecond)
		}
		all.Wait()
		synctest.Wait()
		if n, most := len(conn.made)-calls, int(budgetPart*calls); n > most || n < most-1 {
			t.Errorf("%d second calls of %d, want %d", n, calls, most)
		}
	})
}

func TestBudgetSavesLittle(t *testing.T) {
	b := budget{share: 0.05, most: 2}
	for range 1000 {
		b.earn()
	}
	var got []bool
	for range 3 {
		got = append(got, b.spend())
	}
	if want := []bool{true, true, false}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRecent(t *testing.T) {
	const atFirst = 10 * time.Millisecond
	r := newRecent(0.95, atFirst)
	saw := func(calls int, took func(i int) time.Duration) {
		for i := range calls {
			r.saw(took(i))
		}
	}
	saw(recentChange-1, func(i int) time.Duration { return time.Duration(i+1) * time.Microsecond })
	if got := r.after(); got != atFirst {
		t.Errorf("%v before the first look, want %v", got, atFirst)
	}
	saw(1, func(int) time.Duration { return recentChange * time.Microsecond })
	if got, want := r.after(), 95*time.Microsecond; got != want {
		t.Errorf("%v, want %v", got, want)
	}
	saw(recentCalls, func(int) time.Duration { return time.Second })
	if got := r.after(); got != time.Second {
		t.Errorf("%v after all calls took 1 s", got)
	}
}

func TestInTurn(t *testing.T) {
	conns := []grpc.ClientConnInterface{&script{}, &script{}, &script{}}
	pick := inTurn(conns)
	firsts := map[grpc.ClientConnInterface]int{}
	for range 300 {
		first, second := pick()
		firsts[first]++
		if first == second {
			t.Fatal("both over one connection")
		}
	}
	for _, c := range conns {
		if firsts[c] != 100 {
			t.Errorf("%d first calls of 300 over one of three", firsts[c])
		}
	}
}
