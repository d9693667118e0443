package signals

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"bookstall/internal/lab/fleet"
	"bookstall/internal/lab/report"
)

// Pictures of the dashboards, in docs/dashboards.
const (
	pictureWidth = 480
	pictureSteps = 45
	mostNames    = 8       // in the legend of a panel
	mostBytes    = 60_000  // of a picture
	mostLetters  = 60      // of a row of a table
	day          = 86400.0 // seconds
)

func picture(name string) string { return filepath.Join(root, "docs", "dashboards", name+".svg") }

// calm is how long nothing happens between the events of a picture.
const calm = 8 * time.Second

// event is what happened in a run.
type event struct {
	at   time.Time
	what string
}

// drawPictures draws each dashboard as Prometheus has it after a run.
func drawPictures(t *testing.T, p *prometheus, events []event) {
	t.Helper()
	end := time.Now()
	if err := os.MkdirAll(filepath.Dir(picture("")), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, d := range dashboards() {
		var charts []report.Chart
		for _, one := range d.panels {
			charts = append(charts, drawPanel(t, p, one, events, end))
		}
		what := make([]string, len(events))
		for i, e := range events {
			what[i] = fmt.Sprintf("%d %s", i+1, e.what)
		}
		charts = append(charts, report.Chart{Width: pictureWidth, Panels: []report.Panel{{Title: "What happens", Rows: what}}})
		if err := os.WriteFile(picture(d.name), []byte(report.Grid("The dashboard "+d.title, 2, charts)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// drawPanel draws a panel as it is in the end: a table with the most rows that it has had, because
// what it shows has ended perhaps.
func drawPanel(t *testing.T, p *prometheus, one panel, events []event, end time.Time) report.Chart {
	t.Helper()
	span := end.Sub(p.began)
	drawn := report.Panel{Title: one.title, Height: 90, MaxX: span.Seconds(), EndX: fmt.Sprintf("%.0f s", span.Seconds())}
	for i, e := range events {
		drawn.Marks = append(drawn.Marks, report.Mark{X: e.at.Sub(p.began).Seconds(), Text: strconv.Itoa(i + 1)})
	}
	peaks := map[string]float64{} // by name
	lines := map[string][]report.Line{}
	rows := map[float64][]string{}
	for _, query := range one.queries {
		list, err := p.history(t.Context(), chosen(query[0]), span/pictureSteps)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			name := legend(query[1], s.Metric)
			var points []report.Point
			for _, v := range s.Values {
				at, y := sample(t, v)
				rows[at] = append(rows[at], row(s.Metric))
				if math.IsNaN(y) || math.IsInf(y, 0) {
					continue
				}
				x := at - float64(p.began.UnixMilli())/1000
				n := len(points)
				switch {
				case n > 0 && x-points[n-1].X > 1.5*span.Seconds()/pictureSteps: // a gap
					lines[name] = append(lines[name], report.Line{Points: points})
					points = nil
				case n > 1 && points[n-1].Y == y && points[n-2].Y == y:
					points = points[:n-1]
				}
				points = append(points, report.Point{X: x, Y: y})
				peaks[name] = max(peaks[name], y)
			}
			lines[name] = append(lines[name], report.Line{Points: points})
		}
	}
	if one.table {
		most := slices.MaxFunc(slices.Sorted(maps.Keys(rows)), func(a, b float64) int { return cmp.Compare(len(rows[a]), len(rows[b])) })
		slices.Sort(rows[most])
		return report.Chart{Width: pictureWidth, Panels: []report.Panel{{Title: one.title, Rows: slices.Compact(rows[most])}}}
	}
	c := report.Chart{Width: pictureWidth}
	c.Legend = slices.SortedFunc(maps.Keys(peaks), func(a, b string) int {
		return cmp.Or(cmp.Compare(peaks[b], peaks[a]), strings.Compare(a, b))
	})
	for i, name := range c.Legend {
		drawn.MaxY = max(drawn.MaxY, peaks[name])
		for _, line := range lines[name] {
			line.Colour = i
			drawn.Lines = append(drawn.Lines, line)
		}
	}
	drawn.MaxY = cmp.Or(drawn.MaxY, 1)
	drawn.TopY = amount(drawn.MaxY, one.unit)
	if n := len(c.Legend); n > mostNames {
		c.Legend = c.Legend[:mostNames]
		c.Note = fmt.Sprintf("and %d more", n-mostNames)
	}
	c.Panels = []report.Panel{drawn}
	return c
}

// sample returns a value of Prometheus and its time.
func sample(t *testing.T, v [2]any) (at, value float64) {
	t.Helper()
	at, _ = v[0].(float64)
	text, _ := v[1].(string)
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return at, value
}

var (
	placeholder = regexp.MustCompile(`\{\{(\w+)\}\}`)
	service     = regexp.MustCompile(`^[\w.]+/`) // of a method
)

// legend returns the name of a series as Grafana makes it.
func legend(format string, labels map[string]string) string {
	return placeholder.ReplaceAllStringFunc(format, func(m string) string {
		return service.ReplaceAllString(labels[placeholder.FindStringSubmatch(m)[1]], "")
	})
}

// row returns a row of a table: what tells series apart.
func row(labels map[string]string) string {
	var cells []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		if !slices.Contains([]string{"__name__", "job", "instance", "namespace", "service", "target", "alertstate"}, name) {
			cells = append(cells, labels[name])
		}
	}
	text := strings.Join(cells, ", ")
	return text[:min(len(text), mostLetters)]
}

// amount returns a value with its unit, one of Grafana's.
func amount(v float64, unit string) string {
	switch unit {
	case "s":
		switch {
		case v < 1:
			return digits(v*1000) + " ms"
		case v > day:
			return digits(v/day) + " d"
		}
		return digits(v) + " s"
	case "percentunit":
		return digits(v*100) + " %"
	case "bytes":
		return digits(v/(1<<20)) + " MiB"
	case "reqps", "ops":
		return digits(v) + "/s"
	case "dateTimeAsIso":
		return time.UnixMilli(int64(v)).UTC().Format("15:04:05")
	}
	return digits(v)
}

// digits returns a number with three digits, or all before the point.
func digits(v float64) string {
	if v >= 100 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

// visitors look at pages until ctx ends, for pictures in which not everything is empty.
func (r *rig) visitors(ctx context.Context) {
	var looking sync.WaitGroup
	r.t.Cleanup(looking.Wait)
	looking.Go(func() {
		paths := []string{"/", "/books/1", "/search?q=the", "/books/2"}
		for i := 0; ctx.Err() == nil; i++ {
			_, _ = fleet.Get(ctx, r.URL+paths[i%len(paths)]) // it fails while replicas do
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
}

// Each dashboard has a picture with all of its panels.
func TestPictures(t *testing.T) {
	for _, d := range dashboards() {
		text, err := os.ReadFile(picture(d.name))
		if err != nil || len(text) > mostBytes {
			t.Errorf("%d bytes, want at most %d (%v)", len(text), mostBytes, err)
		}
		for _, one := range d.panels {
			if !strings.Contains(string(text), ">"+one.title+"</text>") {
				t.Errorf("the picture of %s lacks %q: go test -count=1 -run=TestSignals ./internal/test/signals -pictures draws it", d.title, one.title)
			}
		}
	}
}
