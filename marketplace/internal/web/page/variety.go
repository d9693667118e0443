package page

import (
	"net/http"

	"github.com/a-h/templ"

	"bookstall/marketplace/internal/recommend"
	"bookstall/marketplace/internal/web/problem"
)

const varietyField = "variety"

// varietyStep is a step of the control of variety.
type varietyStep struct {
	Value recommend.Variety
	Label string
}

func varietySteps() []varietyStep {
	return []varietyStep{
		{recommend.Close, "More like what I know"},
		{recommend.Balanced, "Some of both"},
		{recommend.Far, "Further afield"},
	}
}

// varietyOf returns the step that a text names; ok is false for any other text.
func varietyOf(text string) (step recommend.Variety, ok bool) {
	for _, s := range varietySteps() {
		if string(s.Value) == text {
			return s.Value, true
		}
	}
	return recommend.Balanced, false
}

// newControls returns the control of variety for each step that may be chosen.
func newControls(at *links) (map[recommend.Variety]templ.Component, error) {
	controls := map[recommend.Variety]templ.Component{}
	for _, step := range varietySteps() {
		html, err := Render(varietyForm(at, step.Value))
		if err != nil {
			return nil, err
		}
		controls[step.Value] = templ.Raw(string(html))
	}
	return controls, nil
}

// ChooseVariety is POST /shelf/variety: how far the visitor's shelves go from what the visitor
// knows. It is kept in the browser, not with the history: what a reader did is the same whatever
// is shown, a database of an earlier version need not change, and readers who are signed in have it, too.
func (p *Pages) ChooseVariety(w http.ResponseWriter, r *http.Request, _ Visitor) error {
	step, ok := varietyOf(r.PostForm.Get(varietyField))
	if !ok {
		return problem.Invalid{{Field: varietyField, Reason: "must be close, balanced or far"}}
	}
	p.cfg.Variety.Write(w, string(step))
	p.seeOther(w, p.returnTo(r))
	return nil
}
