package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-logr/logr"
)

// Part is one long-running part of a program.
type Part struct {
	Name string
	// Run blocks until Stop ends it, then returns nil. If it returns earlier, with or
	// without an error, the whole group stops.
	Run func() error
	// Stop ends Run: gracefully until ctx ends, then at once.
	Stop func(ctx context.Context) error
	// StopTimeout bounds Stop.
	StopTimeout time.Duration
	// Close releases what the part holds if the group never runs; nil for nothing.
	Close func() error
}

// Group runs parts together. Set the fields and Add parts before Run.
type Group struct {
	Log       logr.Logger
	Readiness *Readiness
	// DrainDelay is how long the group keeps serving after it is no longer ready, so
	// that clients notice before any call is refused.
	DrainDelay time.Duration

	parts []Part
	ran   bool
}

// Add appends a part. Parts start in order of addition and stop in reverse.
func (g *Group) Add(p Part) { g.parts = append(g.parts, p) }

// Close closes the parts of a group that never ran, the last one first; after Run it does
// nothing. A program that defers Close can add each part as soon as it is open, and
// return if opening the next one fails.
func (g *Group) Close() error {
	if g.ran {
		return nil
	}
	var errs []error
	for _, p := range slices.Backward(g.parts) {
		if p.Close != nil {
			errs = append(errs, p.Close())
		}
	}
	return errors.Join(errs...)
}

// Run starts all parts and blocks until ctx ends or a part ends by itself. Then it drains
// Readiness, waits for DrainDelay unless a part has ended, and stops the parts one by one,
// the last one first. It returns the errors of all parts.
func (g *Group) Run(ctx context.Context) error {
	g.ran = true
	ended := make([]chan error, len(g.parts))
	first := make(chan int, len(g.parts))
	for i, p := range g.parts {
		ended[i] = make(chan error, 1)
		go func() {
			ended[i] <- p.Run()
			first <- i
		}()
	}

	broken := -1
	select {
	case <-ctx.Done():
		g.Log.Info("stopping", "cause", context.Cause(ctx).Error(), "drainDelay", g.DrainDelay.String())
	case broken = <-first:
		g.Log.Info("stopping", "cause", g.parts[broken].Name+" ended")
	}
	g.Readiness.Drain()
	if broken < 0 {
		// A part that ends while draining ends the wait: its calls are lost already, and
		// the others need not wait.
		delay := time.NewTimer(g.DrainDelay)
		defer delay.Stop()
		select {
		case <-delay.C:
		case broken = <-first:
		}
	}

	var errs []error
	for i := len(g.parts) - 1; i >= 0; i-- {
		errs = append(errs, g.stop(g.parts[i], ended[i], i == broken))
	}
	return errors.Join(errs...)
}

func (g *Group) stop(p Part, ended <-chan error, broken bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), p.StopTimeout)
	defer cancel()
	began := time.Now()
	err := p.Stop(ctx)
	runErr := <-ended
	g.Log.V(1).Info("stopped", "part", p.Name, "took", time.Since(began).String())
	switch {
	case runErr != nil:
		return fmt.Errorf("%s: %w", p.Name, runErr)
	case broken:
		return fmt.Errorf("%s ended by itself", p.Name)
	case err != nil:
		return fmt.Errorf("stop %s: %w", p.Name, err)
	}
	return nil
}
