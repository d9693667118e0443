package page

import (
	"html/template"
	"net/http"
	"time"
)

type extraPage struct {
	layout
	Main template.HTML
}

// Extra returns a page whose main part comes from another package. Browsers without
// script reload it after a time, 0 for never. Strangers get no cookie from it.
func (p *Pages) Extra(r *http.Request, title string, main template.HTML, reload time.Duration) ([]byte, error) {
	page := extraPage{p.view.layout(title, r.URL.Path, p.visitors.of(r), ownBooks{}), main}
	page.Reload = int(reload.Seconds())
	return p.view.render("extra.html", page)
}
