package page

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/coverdir"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/reply"
)

// PicturePath is the address of a cover from the folder of covers, in one width. Its name
// has the hash of the picture, so that browsers can keep it for ever.
const PicturePath = "/books/{id}/cover/{file}"

// coverImage has the addresses of a cover.
type coverImage struct {
	src    string
	srcset string // "" for the drawn cover, which is sharp in any size
}

// cover returns the picture of a book, or else the cover that the shop draws.
func (l *links) cover(b *catalog.Book) coverImage {
	address := l.book(b.ID)
	hash, ok := l.covers.Of(*b)
	if !ok {
		return coverImage{src: address + "/cover.svg"}
	}
	var image coverImage
	var set []string
	for _, width := range coverdir.Widths() {
		image.src = address + "/cover/" + hash + "-" + strconv.Itoa(width) + ".jpg"
		set = append(set, image.src+" "+strconv.Itoa(width)+"w")
	}
	image.srcset = strings.Join(set, ", ")
	return image
}

// Picture is GET /books/{id}/cover/{file}.
func (p *Pages) Picture(w http.ResponseWriter, r *http.Request) error {
	b, err := p.bookOf(r)
	if err != nil {
		return err
	}
	name, isJPEG := strings.CutSuffix(r.PathValue("file"), ".jpg")
	hash, size, _ := strings.Cut(name, "-")
	width, err := strconv.Atoi(size)
	if err != nil || !isJPEG || !slices.Contains(coverdir.Widths(), width) || strconv.Itoa(width) != size || p.cfg.Covers == nil {
		return problem.ErrNoSuchPage
	}
	if content, err := p.cfg.Covers.Picture(hash, width); err == nil {
		reply.NewFile("image/jpeg", content).Serve(w, r, "public, max-age=31536000, immutable")
		return nil
	}
	// Another replica of the shop has looked at the folder before or after this one. What
	// this one has will do, but must not be kept under that name.
	if own, ok := p.cfg.Covers.Of(b); ok {
		if content, err := p.cfg.Covers.Picture(own, width); err == nil {
			reply.NewFile("image/jpeg", content).Serve(w, r, "no-cache")
			return nil
		}
	}
	drawnCover(b).Serve(w, r, "no-cache")
	return nil
}
