package drills

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

func blackHole(ctx context.Context, s *scene) error {
	const length = 10 * time.Second
	r, wire, err := s.AddIsolatedReplica()
	if err != nil {
		return err
	}
	s.Publish(s.Replicas()...)
	s.watchFirstCall(ctx, r, s.mark(remark, "%s, in its own network, is in DNS", r.Name), firstWithin)
	s.wait(ctx, 4*time.Second)
	s.watchers.Wait()
	open, err := net.Dial("tcp", strings.TrimPrefix(r.Admin, "http://"))
	if err != nil {
		return err
	}
	defer open.Close()

	since := s.mark(event, "the network drops all of %s", r.Name)
	s.checkLastFallback(since, patience+lastWithin)
	if err := wire.Drop(); err != nil {
		return err
	}
	dropped := time.Now()
	s.checkSilence(open, r)
	s.wait(ctx, length-time.Since(since))
	back := s.mark(remark, "the network of %s is back", r.Name)
	s.checkNoneAnswered(r, dropped, back)
	if err := wire.Pass(); err != nil {
		return err
	}
	return s.waitFirstAnswer(ctx, r, back, firstWithin, 6*time.Second)
}

// checkSilence fails unless the network drops everything: neither a write over an
// open connection nor a new connection is answered.
func (s *scene) checkSilence(open net.Conn, r *fleet.Replica) {
	const most = time.Second
	var waiting sync.WaitGroup
	waiting.Go(func() {
		_ = open.SetDeadline(time.Now().Add(most))
		_, writeErr := open.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
		n, readErr := open.Read(make([]byte, 1))
		if writeErr != nil || n > 0 || !errors.Is(readErr, os.ErrDeadlineExceeded) {
			s.fail("this is no black hole: on an open connection, write %v, read %v", writeErr, readErr)
		}
	})
	waiting.Go(func() {
		c, err := net.DialTimeout("tcp", r.GRPC, most)
		if err == nil {
			_ = c.Close()
		}
		var netErr net.Error
		if !errors.As(err, &netErr) || !netErr.Timeout() {
			s.fail("this is no black hole: a new connection ends with %v", err)
		}
	})
	waiting.Wait()
}

// checkNoneAnswered fails if a replica that nothing can reach answered a call.
func (s *scene) checkNoneAnswered(r *fleet.Replica, from, until time.Time) {
	s.check(func(p load.Report) {
		for _, c := range dueIn(s.calls, p.Started, from, until) {
			if c.ServedBy == r.Name && p.Started.Add(c.Due+c.Latency).Before(until) {
				s.fail("%s answered a call through the black hole", r.Name)
				return
			}
		}
	})
}
