package drills

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/load"
)

// What a replica that hangs, or seems to, may cost readers.
const (
	// mostLater is how many calls of one shop may fall back that began after the first
	// timeout; the shop could not know of it before.
	mostLater = 2
	// probeWithin bounds one probe, after which a replica that had one bad call is back.
	probeWithin = time.Second
)

// hangs makes one replica hang in everything but health checks. turn is the time in which
// each replica has its turn at least once, which is long if there are few calls.
func hangs(turn time.Duration) script {
	return func(ctx context.Context, s *scene) error {
		r := s.Replicas()[0]
		trace, err := s.startTrace(ctx, r)
		if err != nil {
			return err
		}
		defer trace.stop()
		set := s.mark(remark, "%s hangs, and its health is good", r.Name)
		if err := fleet.Fault(ctx, r.Admin, `{"hang":true}`); err != nil {
			return err
		}
		first, err := s.waitFirstFallback(ctx, turn)
		if err != nil {
			return err
		}
		began := s.markAt(s.began.Add(first.Due), event, "a first call hangs")
		s.checkLaterFallbacks()
		s.wait(ctx, sickFor)
		if err := fleet.Fault(ctx, r.Admin, `{}`); err != nil {
			return err
		}
		well := s.mark(remark, "%s is well", r.Name)
		s.watchFirstCall(ctx, r, well, firstWithin+turn)
		s.watchers.Wait()
		s.wait(ctx, 2*time.Second)
		last, err := s.figureTrace(trace, set, well)
		took := last.Sub(began)
		s.figure("%s has its last call %.2f s after the first call that hung began", r.Name, max(0, took).Seconds())
		if took > patience+lastWithin {
			s.fail("%s still had calls %.2f s after the first call that hung began, want %v at most", r.Name, took.Seconds(), patience+lastWithin)
		}
		return err
	}
}

// connections returns how many connections clients have made to a replica.
func connections(r *fleet.Replica) (int, error) {
	n, err := fleet.Metric(r.Admin, "rpc_server_connections_total")
	return int(n), err
}

// waitFirstFallback returns the first call of a reader that fell back.
func (s *scene) waitFirstFallback(ctx context.Context, most time.Duration) (first load.Call, err error) {
	err = s.waitFor(ctx, bound{"most + beyondMost", most + beyondMost}, "a call that hangs", func() (bool, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		fell := fellBack(s.calls)
		if len(fell) == 0 {
			return false, nil
		}
		first = fell[0]
		return true, nil
	})
	return first, err
}

// fellBack returns the calls that fell back, by when they were due.
func fellBack(calls []load.Call) []load.Call {
	list := slices.DeleteFunc(slices.Clone(calls), func(c load.Call) bool { return c.Outcome != load.Fallback })
	slices.SortFunc(list, func(a, b load.Call) int { return cmp.Compare(a.Due, b.Due) })
	return list
}

// checkLaterFallbacks fails if more calls than mostLater fell back that began when the first
// timeout was over.
func (s *scene) checkLaterFallbacks() {
	s.check(func(load.Report) {
		fell := fellBack(s.calls)
		if len(fell) == 0 {
			return
		}
		out := fell[0].Due + fell[0].Latency
		later := 0
		for _, c := range fell {
			if c.Due > out {
				later++
			}
		}
		s.figure("%d calls fell back that were in flight at the first timeout, %d later", len(fell)-later, later)
		if later > mostLater {
			s.fail("%d calls fell back that began after the first timeout, want %d at most", later, mostLater)
		}
	})
}

// oneSlowCall makes a single call hang at a replica that is healthy. It must soon receive
// calls again.
func oneSlowCall(ctx context.Context, s *scene) error {
	r := s.Replicas()[0]
	s.mark(event, "the next call to %s hangs", r.Name)
	if err := fleet.Fault(ctx, r.Admin, `{"hang":true,"calls":1}`); err != nil {
		return err
	}
	first, err := s.waitFirstFallback(ctx, time.Second)
	if err != nil {
		return err
	}
	if err := s.waitFirstAnswer(ctx, r, s.began.Add(first.Due+first.Latency), probeWithin, 3*time.Second); err != nil {
		return err
	}
	s.checkLaterFallbacks()
	s.checkNoneEjected()
	return nil
}

// allSick injects faults, described in JSON, into all replicas for sickFor. None may be
// ejected: the cause is not with one of them.
func allSick(faults string, fallback bool) script {
	return func(ctx context.Context, s *scene) error {
		set := func(faults string) error {
			return together(s.Replicas(), func(r *fleet.Replica) error { return fleet.Fault(ctx, r.Admin, faults) })
		}
		s.mark(event, "all replicas: %s", faults)
		if err := set(faults); err != nil {
			return err
		}
		from := time.Now()
		s.wait(ctx, sickFor)
		until := s.mark(relief, "all are well")
		if err := set(`{}`); err != nil {
			return err
		}
		if fallback {
			s.checkAllFellBack(from, until)
		}
		s.wait(ctx, 4*time.Second)
		s.checkNoneEjected()
		return nil
	}
}

// checkNoneEjected fails if the shop has ejected a replica.
func (s *scene) checkNoneEjected() {
	e, err := fleet.ReadExclusions(s.Admin)
	if err != nil || e.Ejected > 0 {
		s.fail("%d ejections, want none (%v)", e.Ejected, err)
	}
	s.figure("%v", e)
}

// trace counts the calls of each replica every lookEvery, while one of them is sick.
type trace struct {
	sick        *fleet.Replica
	connections int             // that clients had made to it at the start
	stop        func() []traced // ends the trace; may be called again
}

// traced is how many calls each replica, by name, has received by one time.
type traced struct {
	at    time.Time
	begun map[string]int64
}

func (s *scene) startTrace(ctx context.Context, sick *fleet.Replica) (*trace, error) {
	had, err := connections(sick)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	var list []traced
	running.Go(func() {
		for ; ctx.Err() == nil; s.wait(ctx, lookEvery) {
			t := traced{time.Now(), map[string]int64{}}
			for _, r := range s.Replicas() {
				n, err := r.BegunCalls()
				if err != nil {
					s.fail("%s: %v", r.Name, err)
					return
				}
				t.begun[r.Name] = n
			}
			list = append(list, t)
		}
	})
	return &trace{sick, had, func() []traced {
		cancel()
		running.Wait()
		return list
	}}, nil
}

// figureTrace ends a trace and records what it saw: who had the calls in the second after
// the last of the sick replica and after its first when it was well again, and how many
// connections were made to it. It returns the time of that last call, from if there was none.
func (s *scene) figureTrace(t *trace, from, well time.Time) (last time.Time, err error) {
	list := t.stop()
	last, back := lastAndBack(list, t.sick.Name, from, well)
	s.figure("calls of each replica in the second after its last: %s", callsFrom(list, last))
	s.figure("after its return: %s", callsFrom(list, back))
	now, err := connections(t.sick)
	s.figure("%d connections made to it meanwhile", now-t.connections)
	return last, err
}

// lastAndBack returns when a replica had its last call between two times, and its first
// after them.
func lastAndBack(list []traced, name string, from, well time.Time) (last, back time.Time) {
	last, back = from, well
	for i := 1; i < len(list); i++ {
		if list[i].begun[name] == list[i-1].begun[name] {
			continue
		}
		switch at := list[i].at; {
		case at.Before(well) && at.After(from):
			last = at
		case at.After(well):
			return last, at
		}
	}
	return last, back
}

// callsFrom describes the calls of the replicas in the second after a time.
func callsFrom(list []traced, from time.Time) string {
	i := slices.IndexFunc(list, func(t traced) bool { return !t.at.Before(from) })
	if i < 0 {
		return "none"
	}
	j := i
	for j < len(list)-1 && list[j].at.Sub(list[i].at) < time.Second {
		j++
	}
	var texts []string
	for _, name := range slices.Sorted(maps.Keys(list[i].begun)) {
		texts = append(texts, fmt.Sprint(list[j].begun[name]-list[i].begun[name]))
	}
	return strings.Join(texts, ", ")
}
