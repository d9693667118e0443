package load

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"strings"
	"time"
)

// Config describes a load. Shop and Rate are required.
type Config struct {
	Shop     string        // URL
	Rate     float64       // calls a second
	Duration time.Duration // how long to start calls; 0 until the context ends
	Token    string        // bearer token of the JSON API; "" for none
	// Readers are ids of readers whose shelves must be personal; the sample readers
	// that the shop's pages offer if empty.
	Readers []int64
	// Retry retries a GET once if its connection breaks, as a browser does. Without
	// it such a call has failed.
	Retry       bool
	Timeout     time.Duration // deadline of a call; 10 s if 0
	MaxInFlight int           // 2000 if 0; calls due above it count as failed
	Interval    time.Duration // length of a row of the timeline; 1 s if 0
	Seed        uint64        // seed of the choice of calls
	// Replicas returns the admin URLs of the replicas, whose metrics are read at each
	// interval. If nil, the replicas' calls are counted by served_by of the answers.
	Replicas func(context.Context) ([]string, error)
	// Waiting is called once, when the shop cannot be reached at the start, with the
	// reason and how long Run keeps trying. It may be nil.
	Waiting func(reason error, most time.Duration)
	// Progress is called at each interval, with a timeline of the last whole interval;
	// Observe with each call that ended, one at a time. They may be nil.
	Progress func(Report)
	Observe  func(Call)
	// Dial connects to the shop; over the network if nil.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

const maxRate = 10_000 // far beyond what one generator can start in time

func (c Config) complete() (Config, error) {
	var errs []error
	if u, err := url.Parse(c.Shop); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		errs = append(errs, fmt.Errorf("shop %q: want http://HOST or https://HOST", c.Shop))
	}
	if math.IsNaN(c.Rate) || c.Rate <= 0 || c.Rate > maxRate {
		errs = append(errs, fmt.Errorf("rate %v: want more than 0 and at most %d calls a second", c.Rate, maxRate))
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"duration", c.Duration}, {"timeout", c.Timeout}, {"interval", c.Interval}} {
		if d.value < 0 {
			errs = append(errs, fmt.Errorf("%s %v: want 0 or more", d.name, d.value))
		}
	}
	if c.MaxInFlight < 0 {
		errs = append(errs, fmt.Errorf("%d calls in flight: want 0 or more", c.MaxInFlight))
	}
	c.Shop = strings.TrimSuffix(c.Shop, "/")
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	c.MaxInFlight = cmp.Or(c.MaxInFlight, 2000)
	c.Interval = cmp.Or(c.Interval, time.Second)
	return c, errors.Join(errs...)
}
