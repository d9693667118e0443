package drills

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"bookstall/internal/lab/fleet"
)

// Watch begins to watch the fleet of a drill, which is ready and not called yet. When the
// drill is over, and before the fleet stops, finish is called with the time of the drill's
// first event; zero if it has none.
type Watch func(context.Context, *fleet.Fleet) (finish func(event time.Time), err error)

// Watched is a drill, or an incident, that another package watches.
type Watched struct {
	Name  string
	Shows string // what happens, in a few words
	// Planned means that readers may notice nothing.
	Planned bool

	drill drill
}

// ToWatch returns the drill with this name, or the incident, which Command does not run.
func ToWatch(name string) (Watched, error) {
	known := slices.Concat(all(), incidents())
	i := slices.IndexFunc(known, func(d drill) bool { return d.name == name })
	if i < 0 {
		return Watched{}, fmt.Errorf("no drill or incident %q", name)
	}
	d := known[i]
	return Watched{Name: d.name, Shows: d.shows, Planned: d.cost == planned, drill: d}, nil
}

// Lacks returns what the machine lacks for the drill; nil if it lacks nothing.
func (w Watched) Lacks() error {
	if w.drill.needs == nil {
		return nil
	}
	return w.drill.needs()
}

// Run runs the drill with the programs in bin. It keeps its files in a folder of dir, and
// writes a timeline to log unless that is nil. Its error is that the drill did not run to
// its end; what it cost readers is not judged.
func (w Watched) Run(ctx context.Context, bin, dir string, log io.Writer, watch Watch) error {
	ctx, cancel := context.WithTimeoutCause(ctx, longest, errTooLong)
	defer cancel()
	s := &scene{opts: options{bin: bin, dir: filepath.Join(dir, w.Name), log: log, watch: watch}}
	_, err := w.drill.play(ctx, s)
	return err
}
