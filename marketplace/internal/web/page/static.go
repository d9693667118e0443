package page

import (
	"embed"
	"fmt"
	"net/http"
	"path"
	"strings"

	"bookstall/marketplace/internal/storefront"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/reply"
)

//go:embed static
var staticFolder embed.FS

// staticFiles are style sheet, script and pictures, by name.
type staticFiles map[string]reply.File

const styleSheet = "shop.css"

// contentTypes returns those of all static files and logos, by the ends of their names.
func contentTypes() map[string]string {
	return map[string]string{
		".svg":  "image/svg+xml",
		".png":  "image/png",
		".jpg":  "image/jpeg",
		".jpeg": "image/jpeg",
		".webp": "image/webp",
		".css":  "text/css; charset=utf-8",
		".js":   "text/javascript; charset=utf-8",
	}
}

func newStaticFiles(face storefront.Face) (staticFiles, error) {
	files := staticFiles{}
	add := func(name string, content []byte) {
		files[name] = reply.NewFile(contentTypes()[path.Ext(name)], content)
	}
	for _, name := range []string{"icon.svg", styleSheet, "shop.js"} {
		content, err := staticFolder.ReadFile("static/" + name)
		if err != nil {
			return nil, err
		}
		if name == styleSheet { // in one file: a second one would be one request more before a page is drawn
			content = append(content, face.Colours.CSS()...)
		}
		add(name, content)
	}
	if face.Logo != nil {
		add(face.Logo.Name, face.Logo.Content)
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
