package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strings"
)

//go:embed assets
var assetFiles embed.FS

//go:embed openapi.yaml
var openAPI []byte

// asset is a file that is the same for everybody.
type asset struct {
	contentType string
	hash        string
	content     []byte
}

func newAsset(contentType string, content []byte) asset {
	sum := sha256.Sum256(content)
	return asset{contentType: contentType, hash: hex.EncodeToString(sum[:6]), content: content}
}

// serve answers with the file, or that the caller has it already. It is no
// http.ServeContent: nobody needs parts of a small file, or its other statuses.
func (a asset) serve(w http.ResponseWriter, r *http.Request, cacheControl string) {
	etag := `"` + a.hash + `"`
	w.Header().Set("Cache-Control", cacheControl)
	w.Header().Set("ETag", etag)
	for known := range strings.SplitSeq(r.Header.Get("If-None-Match"), ",") {
		if known = strings.TrimPrefix(strings.TrimSpace(known), "W/"); known == etag || known == "*" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	write(w, http.StatusOK, a.contentType, a.content)
}

// assets are the files that pages are made of, by name.
type assets map[string]asset

func newAssets() (assets, error) {
	files, err := assetFiles.ReadDir("assets")
	if err != nil {
		return nil, err
	}
	all := assets{}
	for _, file := range files {
		content, err := assetFiles.ReadFile("assets/" + file.Name())
		if err != nil {
			return nil, err
		}
		contentType := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}[path.Ext(file.Name())]
		if contentType == "" {
			return nil, fmt.Errorf("asset %s: no content type is known", file.Name())
		}
		all[file.Name()] = newAsset(contentType, content)
	}
	return all, nil
}

// url returns the address of a file, which has the hash of the content in its
// name and so never changes its meaning.
func (a assets) url(name string) (string, error) {
	file, ok := a[name]
	if !ok {
		return "", fmt.Errorf("no asset %s", name)
	}
	ext := path.Ext(name)
	return "/static/" + strings.TrimSuffix(name, ext) + "." + file.hash + ext, nil
}

const staticPath = "/static/{file}"

// static is GET /static/{file}.
func (s *shop) static(w http.ResponseWriter, r *http.Request) error {
	stem, ext := cutExt(r.PathValue("file"))
	name, hash := cutExt(stem)
	file, ok := s.assets[name+ext]
	switch {
	case !ok:
		return errNoSuchPage
	case hash != "."+file.hash:
		// A page of another version of the shop, during a rollout: ours will do,
		// but must not be kept under that name.
		file.serve(w, r, "no-cache")
	default:
		file.serve(w, r, "public, max-age=31536000, immutable")
	}
	return nil
}

// cutExt cuts a name at its last dot.
func cutExt(name string) (stem, ext string) {
	ext = path.Ext(name)
	return strings.TrimSuffix(name, ext), ext
}

// apiDescription is GET /api/openapi.yaml.
func (s *shop) apiDescription(w http.ResponseWriter, r *http.Request) error {
	s.apiDoc.serve(w, r, "no-cache")
	return nil
}
