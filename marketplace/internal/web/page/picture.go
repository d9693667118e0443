package page

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"bookstall/marketplace/internal/catalog"
	"bookstall/marketplace/internal/coverdir"
	"bookstall/marketplace/internal/web/cover"
	"bookstall/marketplace/internal/web/problem"
	"bookstall/marketplace/internal/web/reply"
)

// PicturePath is the address of a cover: one from the folder of covers, in one width, or the
// one that the shop draws. Its name has the hash of what it shows, so that browsers can keep it
// for ever.
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
		return coverImage{src: address + "/cover/" + cover.Hash(drawn(b)) + drawnType}
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

// keepForever is for what has its hash in its address.
const keepForever = "public, max-age=31536000, immutable"

// drawnType ends the name of a drawn cover.
const drawnType = ".svg"

// Picture is GET /books/{id}/cover/{file}.
func (p *Pages) Picture(w http.ResponseWriter, r *http.Request) error {
	b, err := p.bookOf(r)
	if err != nil {
		return err
	}
	file := r.PathValue("file")
	if hash, ok := strings.CutSuffix(file, drawnType); ok && cover.IsHash(hash) {
		serveDrawn(w, r, &b, hash)
		return nil
	}
	name, isJPEG := strings.CutSuffix(file, ".jpg")
	hash, size, _ := strings.Cut(name, "-")
	width, err := strconv.Atoi(size)
	if err != nil || !isJPEG || !slices.Contains(coverdir.Widths(), width) || strconv.Itoa(width) != size || p.cfg.Covers == nil {
		return problem.ErrNoSuchPage
	}
	if content, err := p.cfg.Covers.Picture(hash, width); err == nil {
		reply.NewFile("image/jpeg", content).Serve(w, r, keepForever)
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
	serveDrawn(w, r, &b, "")
	return nil
}

// Cover is GET /books/{id}/cover.svg, which has no hash: after an import another book may have
// the id, or the book another title.
func (p *Pages) Cover(w http.ResponseWriter, r *http.Request) error {
	b, err := p.bookOf(r)
	if err != nil {
		return err
	}
	serveDrawn(w, r, &b, "")
	return nil
}

// serveDrawn answers with the drawn cover of a book. It may be kept if it is the one that the
// hash in the address is of: this replica may have an older or newer catalogue than the page.
func serveDrawn(w http.ResponseWriter, r *http.Request, b *catalog.Book, hash string) {
	keep, shown := "no-cache", drawn(b)
	if hash == cover.Hash(shown) {
		keep = keepForever
	}
	reply.NewFile("image/svg+xml", cover.Draw(shown)).Serve(w, r, keep)
}

// drawn returns what a drawn cover shows.
func drawn(b *catalog.Book) cover.Book {
	return cover.Book{ID: b.ID, Title: b.Title, Author: b.Author, Category: b.Categories[0]}
}
