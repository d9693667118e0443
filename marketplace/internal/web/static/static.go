// Package static has the files that pages are made of: style sheet, script and icon.
package static

import (
	"embed"
	"fmt"
	"net/http"
	"path"
	"strings"

	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/reply"
)

//go:embed *.css *.js *.svg
var embedded embed.FS

// Path is the pattern of the files' addresses.
const Path = "/static/{file}"

// Files are the files by name.
type Files map[string]reply.File

// New returns all files.
func New() (Files, error) {
	entries, err := embedded.ReadDir(".")
	if err != nil {
		return nil, err
	}
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	files := Files{}
	for _, e := range entries {
		content, err := embedded.ReadFile(e.Name())
		if err != nil {
			return nil, err
		}
		files[e.Name()] = reply.NewFile(types[path.Ext(e.Name())], content)
	}
	return files, nil
}

// URL returns the address of a file. It has the hash of the content in it, so that
// browsers can keep the file for ever.
func (f Files) URL(name string) (string, error) {
	file, ok := f[name]
	if !ok {
		return "", fmt.Errorf("no file %s", name)
	}
	stem, ext := cutExt(name)
	return "/static/" + stem + "." + file.Hash + ext, nil
}

// Serve is GET /static/{file}.
func (f Files) Serve(w http.ResponseWriter, r *http.Request) error {
	stem, ext := cutExt(r.PathValue("file"))
	name, hash := cutExt(stem)
	file, ok := f[name+ext]
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
