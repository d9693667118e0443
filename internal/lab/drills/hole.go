package main

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/load"
)

// holeDrills are of a network that loses all there is, without a word.
func holeDrills() []drill {
	return []drill{{
		name: "black-hole", shows: "all to and from one of three replicas vanishes without RST or ICMP for 10 s (its own network namespace)",
		cost: unplanned, fleet: fleet.Config{Replicas: 2}, needs: fleet.CheckNamespaces, script: blackHole,
	}}
}

func blackHole(ctx context.Context, s *scene) error {
	const length = 10 * time.Second
	r, wire, err := s.AddIsolatedReplica()
	if err != nil {
		return err
	}
	s.Publish(s.Replicas()...)
	s.firstCall(ctx, r, s.mark(remark, "%s, in a network of its own, is in DNS", r.Name), firstWithin)
	if err := s.pass(ctx, 4*time.Second); err != nil {
		return err
	}
	open, err := net.Dial("tcp", strings.TrimPrefix(r.Admin, "http://"))
	if err != nil {
		return err
	}
	defer open.Close()

	since := s.mark(event, "the network of %s is a black hole", r.Name)
	s.lastFallback(since, patience+lastWithin)
	if err := wire.Drop(); err != nil {
		return err
	}
	dropped := time.Now()
	s.silence(open, r)
	if err := s.pass(ctx, length-time.Since(since)); err != nil {
		return err
	}
	back := s.mark(remark, "the network of %s is back", r.Name)
	s.noneAnswered(r, dropped, back)
	if err := wire.Pass(); err != nil {
		return err
	}
	s.firstAnswer(r, back, firstWithin)
	return s.pass(ctx, 6*time.Second)
}

// silence fails unless the hole is one: who sends over a connection, or connects,
// hears nothing at all.
func (s *scene) silence(open net.Conn, r *fleet.Replica) {
	const most = time.Second
	var waiting sync.WaitGroup
	waiting.Go(func() {
		_ = open.SetDeadline(time.Now().Add(most))
		_, writeErr := open.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
		n, readErr := open.Read(make([]byte, 1))
		if writeErr != nil || n > 0 || !errors.Is(readErr, os.ErrDeadlineExceeded) {
			s.fail("this is no black hole: a connection over it says %v, %v", writeErr, readErr)
		}
	})
	waiting.Go(func() {
		c, err := net.DialTimeout("tcp", r.GRPC, most)
		if err == nil {
			_ = c.Close()
		}
		var netErr net.Error
		if !errors.As(err, &netErr) || !netErr.Timeout() {
			s.fail("this is no black hole: who connects over it gets %v", err)
		}
	})
	waiting.Wait()
}

// noneAnswered fails if a call was answered by a replica that nothing gets to or
// from.
func (s *scene) noneAnswered(r *fleet.Replica, from, until time.Time) {
	s.check(func(p load.Report) {
		for _, c := range s.calls {
			due := p.Started.Add(c.Due)
			if c.ServedBy == r.Name && due.After(from) && due.Add(c.Latency).Before(until) {
				s.fail("%s answered a call through the hole", r.Name)
				return
			}
		}
	})
}

// firstAnswer fails unless a reader's call that came after a time is answered by
// the replica within most. By what readers are told: the replica itself may still
// answer calls of before, which nobody waits for.
func (s *scene) firstAnswer(r *fleet.Replica, since time.Time, most time.Duration) {
	s.check(func(p load.Report) {
		first := time.Duration(-1)
		for _, c := range s.calls {
			due := p.Started.Add(c.Due)
			if took := due.Add(c.Latency).Sub(since); c.ServedBy == r.Name && due.After(since) && (first < 0 || took < first) {
				first = took
			}
		}
		if first < 0 {
			s.fail("%s answered no call any more", r.Name)
			return
		}
		s.figure("%s answers a reader %.2f s after its network is back", r.Name, first.Seconds())
		if first > most {
			s.fail("%s answered its first call after %.1f s, want %v at most", r.Name, first.Seconds(), most)
		}
	})
}
