// Package cover draws the cover of a book as an SVG picture, from its title,
// author, category and id alone: the same book always gets the same cover.
//
// It is plain drawing. It must not import HTTP, or any other package of this
// project. What it draws has no style attribute and no link, so that the
// strictest content security policy lets it through.
package cover
