package conformance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// errs is the handler of a server that fails each call, at once. INTERNAL is not retried.
func errs(context.Context) error { return status.Error(codes.Internal, "broken") }

// fine is the handler of a healthy server: it takes some time, as calls do.
func fine(ctx context.Context) error { return wait(ctx, 2*time.Millisecond) }

// sicken opens n servers and lets them answer for some time; then the first ones have a
// handler of their own, while health checks pass. It returns the load, which the caller must
// end, and when they became sick.
func (w *world) sicken(ctx context.Context, n, sick int, h handler, deadline time.Duration) (*load, time.Time, error) {
	if err := errors.Join(w.open(n), w.settle(ctx)); err != nil {
		return nil, time.Time{}, err
	}
	for _, s := range w.servers {
		s.answer(fine)
	}
	l := w.steadily(ctx, deadline)
	if err := wait(ctx, 1490*time.Millisecond); err != nil {
		l.end()
		return nil, time.Time{}, err
	}
	began := time.Now()
	for _, s := range w.servers[:sick] {
		s.answer(h)
	}
	return l, began, nil
}

// erring: one of three servers fails each call and each probe.
func erring(ctx context.Context, w *world) (string, bool, error) {
	return w.faulty(ctx, errs, deadline, 5, time.Second)
}

// hanging: one of three servers does not answer, neither calls nor probes.
func hanging(ctx context.Context, w *world) (string, bool, error) {
	const short = 250 * time.Millisecond
	return w.faulty(ctx, hangs, short, 12, short+time.Second)
}

// faulty measures how many calls fail while one of three servers is sick, of which there
// may be so many, none later than limit.
func (w *world) faulty(ctx context.Context, h handler, deadline time.Duration, most int, limit time.Duration) (string, bool, error) {
	l, began, err := w.sicken(ctx, 3, 1, h, deadline)
	if err != nil {
		return "", false, err
	}
	defer l.end()
	if err := wait(ctx, 5*time.Second); err != nil {
		return "", false, err
	}
	l.end()
	all, late := l.failures(time.Time{}), l.failures(began.Add(limit))
	return fmt.Sprintf("%d fail in 5 s, %d after %s", all, late, seconds(limit)), all <= most && late == 0, nil
}

// slow: one of three servers takes 150 ms for what the others do in 2.
func slow(ctx context.Context, w *world) (string, bool, error) {
	l, began, err := w.sicken(ctx, 3, 1, takes(150*time.Millisecond), deadline)
	if err != nil {
		return "", false, err
	}
	defer l.end()
	if err := wait(ctx, 5*time.Second); err != nil {
		return "", false, err
	}
	return left(w.servers[0], began, began.Add(2*time.Second))
}

// common: all servers fail each call, so none is worse than another.
func common(ctx context.Context, w *world) (string, bool, error) {
	l, began, err := w.sicken(ctx, 3, 3, errs, deadline)
	if err != nil {
		return "", false, err
	}
	defer l.end()
	if err := wait(ctx, 4*time.Second); err != nil {
		return "", false, err
	}
	all, least := 0, -1
	for _, s := range w.servers {
		n := s.since(began)
		all += n
		if least < 0 || n < least {
			least = n
		}
	}
	share := 100 * float64(least) / float64(max(1, all))
	return fmt.Sprintf("the least share is %.0f %% of %d calls", share, all), share >= 10, nil
}

// majority: three of four servers fail each call.
func majority(ctx context.Context, w *world) (string, bool, error) {
	l, began, err := w.sicken(ctx, 4, 3, errs, deadline)
	if err != nil {
		return "", false, err
	}
	defer l.end()
	if err := wait(ctx, 4*time.Second); err != nil {
		return "", false, err
	}
	used := 0
	for _, s := range w.servers {
		if s.since(began.Add(2*time.Second)) > 0 {
			used++
		}
	}
	return fmt.Sprintf("%d of 4 receive calls", used), used >= 2, nil
}

// readmission: a server that errs recovers. It must get no call of a caller before.
func readmission(ctx context.Context, w *world) (string, bool, error) {
	l, began, err := w.sicken(ctx, 3, 1, errs, deadline)
	if err != nil {
		return "", false, err
	}
	defer l.end()
	if err := wait(ctx, 5500*time.Millisecond); err != nil {
		return "", false, err
	}
	sick := w.servers[0]
	tried := sick.since(began.Add(time.Second))
	recovered := time.Now()
	sick.answer(fine)
	const limit = 5 * time.Second
	took, err := until(ctx, 2*limit, func() bool { return sick.since(recovered) > 0 })
	if err != nil && !errors.Is(err, errNever) {
		return "", false, err
	}
	text := plural(tried, "call") + " while it errs; "
	if err != nil {
		return text + "none after it", false, nil
	}
	return text + "back after " + seconds(took), tried == 0 && took <= limit, nil
}
