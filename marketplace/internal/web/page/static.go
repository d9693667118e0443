package page

import (
	"embed"
	"fmt"
	"net/http"
	"path"
	"strings"

	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/reply"
)

//go:embed static
var staticFolder embed.FS

// staticFiles are style sheet, script and icon, by name.
type staticFiles map[string]reply.File

func newStaticFiles() (staticFiles, error) {
	files := staticFiles{}
	for name, contentType := range map[string]string{
		"icon.svg": "image/svg+xml",
		"shop.css": "text/css; charset=utf-8",
		"shop.js":  "text/javascript; charset=utf-8",
	} {
		content, err := staticFolder.ReadFile("static/" + name)
		if err != nil {
			return nil, err
		}
		files[name] = reply.NewFile(contentType, content)
	}
	return files, nil
}

// url returns the address of a file. It has the hash of the content in it, so that
// browsers can keep the file for ever.
func (f staticFiles) url(name string) (string, error) {
	file, ok := f[name]
	if !ok {
		return "", fmt.Errorf("no file %s", name)
	}
	stem, ext := cutExt(name)
	return "/static/" + stem + "." + file.Hash + ext, nil
}

// Static is GET /static/{file}.
func (p *Pages) Static(w http.ResponseWriter, r *http.Request) error {
	stem, ext := cutExt(r.PathValue("file"))
	name, hash := cutExt(stem)
	file, ok := p.static[name+ext]
	switch {
	case !ok:
		return problem.ErrNoSuchPage
	case hash != "."+file.Hash:
		// During a rollout, a page of another version of the shop asks for its own
		// file. Ours will do, but must not be cached under that name.
		file.Serve(w, r, "no-cache")
	default:
		file.Serve(w, r, "public, max-age=31536000, immutable")
	}
	return nil
}

// cutExt cuts a name at its last dot, which ext begins with.
func cutExt(name string) (stem, ext string) {
	ext = path.Ext(name)
	return strings.TrimSuffix(name, ext), ext
}
