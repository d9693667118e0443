package bench

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"bookstall/internal/lab/report"
)

// Where results are written, below the folder of the repository.
const (
	document = "docs/performance.md"
	figures  = "docs/performance.json"
	picture  = "docs/performance.svg"
)

// result is what a run measured.
type result struct {
	Machine  string    `json:"machine"`
	Rounds   int       `json:"rounds"`
	Turn     string    `json:"turn"`
	Seconds  float64   `json:"seconds"` // how long it took
	Sections []section `json:"sections"`
}

// section is one group of figures.
type section struct {
	Name   string  `json:"name"`
	Title  string  `json:"title"`
	Claims []claim `json:"claims"`
	Rows   []row   `json:"rows,omitempty"`
}

// claim is a figure with its aim, "" if it has none.
type claim struct {
	What     string `json:"what"`
	Measured string `json:"measured"`
	Aim      string `json:"aim,omitempty"`
	Met      bool   `json:"met"`
}

func newSection(name, title string) section { return section{Name: name, Title: title} }

func (s *section) add(what, measured, aim string, met bool) {
	s.Claims = append(s.Claims, claim{what, measured, aim, met})
}

// markdown returns the tables of the section: the claims, what was measured with so many at a
// time, and what at a fixed rate.
func (s section) markdown() string {
	var tables []string
	if len(s.Claims) > 0 {
		t := report.Table{Head: []string{s.Title, "measured", "aim", "met"}}
		for _, c := range s.Claims {
			met := "yes"
			switch {
			case c.Aim == "":
				met = ""
			case !c.Met:
				met = "no"
			}
			t.Add(c.What, c.Measured, c.Aim, met)
		}
		tables = append(tables, t.Markdown())
	}
	driven := report.Table{Head: []string{s.Title, "at a time", "calls/s", "p50 / p99", "CPU a call", "allocations a call", "resident"}}
	offered := report.Table{Head: []string{s.Title, "calls/s offered", "p50 / p99 / p99.9", "p99"}}
	for _, r := range s.Rows {
		beside := func(format string, value, ratio float64) string {
			text := fmt.Sprintf(format, value)
			if r.Contender != r.Limit {
				text += fmt.Sprintf(" (%s)", times(ratio))
			}
			return text
		}
		if r.Offered > 0 {
			offered.Add(r.Contender, fmt.Sprintf("%.0f", r.Offered), fmt.Sprintf("%.2f / %.2f / %.2f ms", r.P50, r.P99, r.P999), beside("%.2f ms", r.P99, r.P99Ratio))
			continue
		}
		driven.Add(r.Contender, strconv.Itoa(r.Callers), beside("%.0f", r.Rate, r.RateRatio), fmt.Sprintf("%.2f / %s", r.P50, beside("%.2f ms", r.P99, r.P99Ratio)),
			beside("%.0f µs", r.CPU, r.CPURatio), fmt.Sprintf("%.0f", r.Allocations), fmt.Sprintf("%.0f MB", r.Resident))
	}
	for _, t := range []report.Table{driven, offered} {
		if len(t.Rows) > 0 {
			tables = append(tables, t.Markdown())
		}
	}
	return strings.Join(tables, "\n")
}

// missed returns the claims whose aims are not met.
func (r result) missed() (list []string) {
	for _, s := range r.Sections {
		for _, c := range s.Claims {
			if c.Aim != "" && !c.Met {
				list = append(list, fmt.Sprintf("%s: %s (%s)", c.What, c.Measured, c.Aim))
			}
		}
	}
	return list
}

// write writes the tables, the figures and the picture.
func (r result) write(root string) error {
	if err := os.WriteFile(filepath.Join(root, picture), []byte(r.picture()), 0o644); err != nil {
		return err
	}
	if err := r.writeJSON(filepath.Join(root, figures)); err != nil {
		return err
	}
	return report.Rewrite(filepath.Join(root, document), "make bench", r.markdown())
}

func (r result) writeJSON(file string) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

func (r result) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s; medians of %d rounds, in which each had a turn of %s. In brackets is the ratio to the row without brackets above: the median of the ratios of the rounds.\n\n", r.Machine, r.Rounds, r.Turn)
	fmt.Fprintf(&b, "![Calls a second and CPU time a call beside the least possible, by calls at a time](%s)\n\n", filepath.Base(picture))
	fmt.Fprintf(&b, "All figures as JSON: [%s](%s).\n", filepath.Base(figures), filepath.Base(figures))
	for _, s := range r.Sections {
		fmt.Fprintf(&b, "\n%s", s.markdown())
	}
	return b.String()
}

// picture draws how far the programs are from their limits, by calls at a time.
func (r result) picture() string {
	c := report.Chart{
		Label: "calls a second and CPU time a call beside the limit, for 1 to 256 calls at a time",
		Note:  "1 × is the limit: the same answers without anything of ours. Kept: the connections of the client.",
	}
	rate := report.Panel{Title: "calls a second, times those of the limit", Height: 110, MaxX: doublings(openCallers), MaxY: 1, EndX: "calls at a time", TopY: "1 ×"}
	cpu := report.Panel{Title: "CPU time a call, times that of the limit", Height: 110, MaxX: doublings(openCallers), MaxY: 1, EndX: "calls at a time"}
	for _, n := range atATime() {
		mark := report.Mark{X: doublings(n), Text: strconv.Itoa(n)}
		rate.Marks, cpu.Marks = append(rate.Marks, mark), append(cpu.Marks, mark)
	}
	for _, s := range r.Sections {
		if s.Name != "calls" && s.Name != "json" {
			continue
		}
		for _, l := range s.curves() {
			colour := len(c.Legend)
			c.Legend = append(c.Legend, legend(s.Name, l[0].Contender))
			rates, cpus := report.Line{Colour: colour}, report.Line{Colour: colour}
			for _, row := range l {
				x := doublings(row.Callers)
				rates.Points = append(rates.Points, report.Point{X: x, Y: row.RateRatio})
				cpus.Points = append(cpus.Points, report.Point{X: x, Y: row.CPURatio})
				rate.MaxY, cpu.MaxY = max(rate.MaxY, row.RateRatio), max(cpu.MaxY, row.CPURatio)
			}
			rate.Lines, cpu.Lines = append(rate.Lines, rates), append(cpu.Lines, cpus)
		}
	}
	rate.TopY, cpu.TopY = times(rate.MaxY), times(cpu.MaxY)
	c.Panels = []report.Panel{rate, cpu}
	return c.SVG()
}

// legend returns the name of a curve, which must be short.
func legend(section, contender string) string {
	switch {
	case section == "calls":
		return "Recommend"
	case strings.HasSuffix(contender, once):
		return "JSON, not kept"
	default:
		return "JSON, kept"
	}
}

// doublings places a number of calls at a time on an axis.
func doublings(n int) float64 { return math.Log2(float64(n)) }

// curves returns the rows of closed loads that have a limit, by contender.
func (s section) curves() (list [][]row) {
	for _, r := range s.Rows {
		if r.Offered > 0 || r.Contender == r.Limit {
			continue
		}
		i := slices.IndexFunc(list, func(l []row) bool { return l[0].Contender == r.Contender })
		if i < 0 {
			list = append(list, nil)
			i = len(list) - 1
		}
		list[i] = append(list[i], r)
	}
	return list
}
