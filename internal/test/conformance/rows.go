package conformance

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"runtime"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"bookstall/internal/dnsserver"
)

// Rows returns all rows.
func Rows() []Row {
	return []Row{
		{Name: "found when scaled up", Limit: "its first call within 3 s of DNS", run: scaledUp},
		{Name: "scaled down", Limit: "no call fails", run: scaledDown},
		{Name: "DNS: NXDOMAIN", Limit: "no call fails", run: trouble(dnsserver.NXDomain)},
		{Name: "DNS: SERVFAIL", Limit: "no call fails", run: trouble(dnsserver.ServFail)},
		{Name: "DNS: no answer", Limit: "no call fails", run: trouble(dnsserver.Dropped)},
		{Name: "DNS: an empty answer", Limit: "no call fails", run: trouble(dnsserver.Empty)},
		{Name: "a stale address", Limit: "no call fails", run: stale},
		{Name: "a stranger at an address", Limit: "it receives no call", run: stranger},
		{Name: "not ready", Limit: "no call after 0.5 s", run: notReady},
		{Name: "an erring replica", Limit: "at most 5 calls fail, none after 1 s", run: erring},
		{Name: "a hanging replica", Limit: "at most 12 calls fail (250 ms deadline), none that starts after 1.25 s", run: hanging},
		{Name: "a slow replica", Limit: "no call after 2 s", run: slow},
		{Name: "all err alike", Limit: "each replica receives 10 % of the calls", run: common},
		{Name: "three of four err", Limit: "two replicas or more receive calls", run: majority},
		{Name: "readmission", Limit: "no caller's call while it errs, after 1 s; calls within 5 s of its recovery", run: readmission},
		{Name: "IPv4 and IPv6 of one replica", Limit: "one connection to each replica; shares ± 2 %", run: families, Alone: true},
		{Name: "killed under load", Limit: "32 callers: no call fails", run: killed, Alone: true},
		{Name: "ageing connections", Limit: "32 callers: no call fails", run: aged, Alone: true},
		{Name: "shares", Limit: "each of three replicas a third ± 2 %", run: shares, Alone: true},
		{Name: "500 addresses", Limit: "all receive calls within 15 s", run: many, Alone: true},
	}
}

// scaledUp: DNS lists one more server.
func scaledUp(ctx context.Context, w *world) (string, bool, error) {
	if err := errors.Join(w.open(2), w.settle(ctx)); err != nil {
		return "", false, err
	}
	fresh, err := w.start(2, nil)
	if err != nil {
		return "", false, err
	}
	l := w.steadily(ctx, deadline)
	defer l.end()
	w.publish(w.servers...)
	const limit = 3 * time.Second
	took, err := until(ctx, 2*limit, func() bool { return !fresh.last().IsZero() })
	if errors.Is(err, errNever) {
		return fmt.Sprintf("none in %v", 2*limit), false, nil
	}
	return seconds(took), took <= limit, err
}

// scaledDown: a server leaves DNS and, as a pod does, goes on for some time, drains, and
// ends.
func scaledDown(ctx context.Context, w *world) (string, bool, error) {
	if err := errors.Join(w.open(3), w.settle(ctx)); err != nil {
		return "", false, err
	}
	l := w.steadily(ctx, deadline)
	defer l.end()
	leaves := w.servers[2]
	w.publish(w.servers[:2]...)
	if err := wait(ctx, 3*time.Second); err != nil {
		return "", false, err
	}
	leaves.grpc.GracefulStop()
	if err := wait(ctx, 2*time.Second); err != nil {
		return "", false, err
	}
	l.end()
	return l.String(), l.failures(time.Time{}) == 0, nil
}

// trouble: DNS has trouble while connections age, so that each is replaced meanwhile.
func trouble(b dnsserver.Behavior) func(context.Context, *world) (string, bool, error) {
	return func(ctx context.Context, w *world) (string, bool, error) {
		if err := errors.Join(w.open(3, ageing(w.outage/8)), w.settle(ctx)); err != nil {
			return "", false, err
		}
		l := w.steadily(ctx, deadline)
		defer l.end()
		w.dns.SetBehavior(b)
		if err := wait(ctx, w.outage); err != nil {
			return "", false, err
		}
		l.end()
		return l.String(), l.failures(time.Time{}) == 0, nil
	}
}

// stale: DNS lists an address where nobody listens.
func stale(ctx context.Context, w *world) (string, bool, error) {
	for i := range 2 {
		if _, err := w.start(i, nil); err != nil {
			return "", false, err
		}
	}
	w.publish(append(w.servers, &server{ips: []netip.Addr{w.ip(9)}})...)
	if err := w.dial(); err != nil {
		return "", false, err
	}
	return w.noneFails(ctx, 3*time.Second)
}

// noneFails makes calls for some time.
func (w *world) noneFails(ctx context.Context, d time.Duration) (string, bool, error) {
	l := w.steadily(ctx, deadline)
	defer l.end()
	if err := wait(ctx, d); err != nil {
		return "", false, err
	}
	l.end()
	return l.String(), l.failures(time.Time{}) == 0, nil
}

// stranger: the address of a server is now another program's, which is healthy as a whole
// and does not know our service's health.
func stranger(ctx context.Context, w *world) (string, bool, error) {
	if err := errors.Join(w.open(3), w.settle(ctx)); err != nil {
		return "", false, err
	}
	w.servers[2].stop()
	other := grpc.NewServer()
	healthpb.RegisterHealthServer(other, health.NewServer())
	taken := &server{name: "stranger", at: map[string]int64{}}
	other.RegisterService(describe(), taken)
	taken.grpc = other
	if err := taken.listen(w.servers[2].ips, w.port); err != nil {
		return "", false, err
	}
	defer taken.stop()
	l := w.steadily(ctx, deadline)
	defer l.end()
	if err := wait(ctx, 4*time.Second); err != nil { // it is connected to within about one
		return "", false, err
	}
	n := taken.since(time.Time{})
	return plural(n, "call"), n == 0, nil
}

// notReady: the health of a server is NOT_SERVING; it answers all the same.
func notReady(ctx context.Context, w *world) (string, bool, error) {
	if err := errors.Join(w.open(3), w.settle(ctx)); err != nil {
		return "", false, err
	}
	l := w.steadily(ctx, deadline)
	defer l.end()
	sick := w.servers[0]
	began := time.Now()
	sick.health.SetServingStatus(Service, healthpb.HealthCheckResponse_NOT_SERVING)
	if err := wait(ctx, 3*time.Second); err != nil {
		return "", false, err
	}
	return left(sick, began, began.Add(500*time.Millisecond))
}

// left says when the last call of a server began, which must not be after limit.
func left(s *server, began, limit time.Time) (string, bool, error) {
	n := s.since(limit)
	if last := s.last(); n > 0 {
		return plural(n, "call") + " after " + seconds(limit.Sub(began)), false, nil
	} else if last.After(began) {
		return "its last call after " + seconds(last.Sub(began)), true, nil
	}
	return "no more calls", true, nil
}

// families: one of two servers has an IPv4 and an IPv6 address.
func families(ctx context.Context, w *world) (string, bool, error) {
	if _, err := w.start(0, []netip.Addr{netip.IPv6Loopback()}); err != nil {
		return "", false, fmt.Errorf("this system needs the address ::1: %w", err)
	}
	if _, err := w.start(1, nil); err != nil {
		return "", false, err
	}
	w.publish(w.servers...)
	if err := errors.Join(w.dial(), w.settle(ctx)); err != nil {
		return "", false, err
	}
	l := w.closedly(ctx, 2)
	defer l.end()
	// Names come with answers, and what follows from them takes a moment.
	single := func() bool { return w.servers[0].conns.Load() == 1 && w.servers[1].conns.Load() == 1 }
	_, err := until(ctx, 3*time.Second, single)
	if err != nil && !errors.Is(err, errNever) {
		return "", false, err
	}
	from := time.Now()
	if err := wait(ctx, time.Second); err != nil {
		return "", false, err
	}
	share, even := w.shares(from)
	text := fmt.Sprintf("%d and %d connections, shares %s", w.servers[0].conns.Load(), w.servers[1].conns.Load(), share)
	return text, single() && even, nil
}

// shares returns the shares of the servers since from, and whether they are even.
func (w *world) shares(from time.Time) (text string, even bool) {
	all, parts := 0, make([]int, len(w.servers))
	for i, s := range w.servers {
		parts[i] = s.since(from)
		all += parts[i]
	}
	even = all > 0
	for i, part := range parts {
		share := 100 * float64(part) / float64(max(1, all))
		if i > 0 {
			text += " "
		}
		text += fmt.Sprintf("%.1f", share)
		even = even && math.Abs(share-100/float64(len(parts))) <= 2
	}
	return text + " %", even
}

// killed: a server is killed while its calls are in flight.
func killed(ctx context.Context, w *world) (string, bool, error) {
	if err := errors.Join(w.open(3), w.settle(ctx)); err != nil {
		return "", false, err
	}
	for _, s := range w.servers {
		s.answer(takes(10 * time.Millisecond))
	}
	l := w.closedly(ctx, 32)
	defer l.end()
	if err := wait(ctx, 500*time.Millisecond); err != nil {
		return "", false, err
	}
	w.servers[0].stop()
	if err := wait(ctx, 2500*time.Millisecond); err != nil {
		return "", false, err
	}
	l.end()
	return l.String(), l.failures(time.Time{}) == 0, nil
}

// aged: the servers close each connection after half a second.
func aged(ctx context.Context, w *world) (string, bool, error) {
	if err := errors.Join(w.open(3, ageing(500*time.Millisecond)), w.settle(ctx)); err != nil {
		return "", false, err
	}
	for _, s := range w.servers {
		s.answer(takes(10 * time.Millisecond))
	}
	l := w.closedly(ctx, 32)
	defer l.end()
	if err := wait(ctx, 3*time.Second); err != nil {
		return "", false, err
	}
	l.end()
	return l.String(), l.failures(time.Time{}) == 0, nil
}

// shares: three servers that are alike.
func shares(ctx context.Context, w *world) (string, bool, error) {
	if err := errors.Join(w.open(3), w.settle(ctx)); err != nil {
		return "", false, err
	}
	for _, s := range w.servers {
		s.answer(takes(2 * time.Millisecond))
	}
	from := time.Now()
	l := w.closedly(ctx, 8)
	defer l.end()
	if err := wait(ctx, 2*time.Second); err != nil {
		return "", false, err
	}
	text, even := w.shares(from)
	return text, even, nil
}

// many: one server at 500 addresses. The memory is that of both ends.
func many(ctx context.Context, w *world) (string, bool, error) {
	const addresses = 500
	more := make([]netip.Addr, 0, addresses)
	for i := 1; i < addresses; i++ {
		more = append(more, w.ip(i))
	}
	s, err := w.start(0, more)
	if err != nil {
		return "", false, err
	}
	// It has no name: addresses are what is counted here.
	s.name = fmt.Sprintf("%d addresses", addresses)
	w.publish(s)
	before := heap()
	began := time.Now()
	if err := w.dial(); err != nil {
		return "", false, err
	}
	l := w.closedly(ctx, 8)
	defer l.end()
	const limit = 15 * time.Second
	connected, err := until(ctx, limit, func() bool { return s.conns.Load() >= addresses })
	if err != nil && !errors.Is(err, errNever) {
		return "", false, err
	}
	_, err = until(ctx, max(0, limit-connected), func() bool { return s.addressesUsed() == addresses })
	if err != nil && !errors.Is(err, errNever) {
		return "", false, err
	}
	took := time.Since(began)
	l.end()
	failed := ""
	if l.failures(time.Time{}) > 0 {
		failed = "; " + l.String()
	}
	text := fmt.Sprintf("%d after %s, connected after %s, %.1f MB of heap on both ends%s",
		s.addressesUsed(), seconds(took), seconds(connected), float64(heap()-before)/1e6, failed)
	return text, s.addressesUsed() == addresses && failed == "", nil
}

// heap returns the bytes of live objects.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
