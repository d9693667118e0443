package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"time"
)

//go:embed report.html
var page string

// WriteHTML writes the report as one page with drawn charts, without scripts or anything from
// elsewhere, with up to top books in each list.
func (r *Report) WriteHTML(to io.Writer, top int) error {
	t, err := template.New("report").Funcs(template.FuncMap{
		"date":    func(t time.Time) string { return t.Format(time.DateOnly) },
		"minute":  func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") },
		"percent": percent,
		"share":   share,
	}).Parse(page)
	if err != nil {
		return err
	}
	without := r.WithoutReaders()
	return t.Execute(to, struct {
		*Report
		Liked, Bought, Without []Book
		More                   int // books without readers that are not listed
		Charts                 []chart
	}{
		Report: r, Liked: r.MostLiked(top), Bought: r.MostBought(top),
		Without: without[:min(top, len(without))], More: max(0, len(without)-top),
		Charts: r.charts(),
	})
}

// charts returns what readers did by week, and the quality of the measured models.
func (r *Report) charts() []chart {
	readers := chart{Title: "Readers by week"}
	deeds := chart{Title: "Likes, ratings and purchases by week"}
	bought := chart{Title: "Purchases by week"}
	for _, w := range r.Weeks {
		label := w.Monday.Format(time.DateOnly)
		readers.add(label, float64(w.Readers), fmt.Sprint(w.Readers))
		deeds.add(label, float64(w.Likes+w.Ratings+w.Purchases), fmt.Sprint(w.Likes+w.Ratings+w.Purchases))
		bought.add(label, float64(w.Purchases), fmt.Sprint(w.Purchases))
	}
	quality := chart{Title: "NDCG@100 of the models on held-out readers"}
	for _, m := range r.Models {
		if m.NDCG100 > 0 {
			quality.add(m.Made.Format(time.DateOnly), m.NDCG100, m.Quality())
		}
	}
	all := []chart{readers, deeds, bought}
	if len(quality.Bars) > 0 {
		all = append(all, quality)
	}
	return all
}

// chart is a bar chart. Its axis begins at 0.
type chart struct {
	Title string
	Bars  []bar
	most  float64
}

type bar struct {
	Label, Text string
	value       float64
}

func (c *chart) add(label string, value float64, text string) {
	c.Bars = append(c.Bars, bar{Label: label, Text: text, value: value})
	c.most = max(c.most, value)
}

// Sizes of a chart, in pixels.
const (
	chartWidth, chartHeight = 720, 120
	barGap                  = 0.2 // of the place of a bar
	widest                  = 80
)

// rect is a bar as it is drawn.
type rect struct {
	bar
	X, Y, Width, Height, Middle float64
	Labelled                    bool // there is room for its label below it
}

// Rects returns the bars as they are drawn.
func (c chart) Rects() (list []rect) {
	place := math.Min(widest, chartWidth/math.Max(1, float64(len(c.Bars))))
	every := int(math.Ceil(widest / place))
	for i, b := range c.Bars {
		x := float64(i) * place
		height := 0.0
		if c.most > 0 {
			height = b.value / c.most * chartHeight
		}
		list = append(list, rect{
			bar: b, X: round(x + place*barGap/2), Y: round(chartHeight - height), Width: round(place * (1 - barGap)), Height: round(height),
			Middle: round(x + place/2), Labelled: i%every == 0,
		})
	}
	return list
}

func round(pixels float64) float64 { return math.Round(pixels*10) / 10 }
