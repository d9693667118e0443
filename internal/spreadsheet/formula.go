package spreadsheet

import "golang.org/x/text/transform"

// quotedFormulas takes the equals sign from each cell that begins with =", as spreadsheets
// keep the zeros of ="0439023483". What is left is a cell in quotes; before, it was one with
// quotes in it, which CSV does not allow.
type quotedFormulas struct {
	separator byte
	within    bool // a cell, so that an equals sign is a part of it
	quoted    bool // within quotes
	closed    bool // after a quote that ended them, unless another follows, which stands for one
}

// Reset implements transform.Transformer.
func (f *quotedFormulas) Reset() { *f = quotedFormulas{separator: f.separator} }

// Transform implements transform.Transformer.
func (f *quotedFormulas) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		char := src[nSrc]
		if char == '=' && !f.within {
			if nSrc+1 == len(src) && !atEOF {
				return nDst, nSrc, transform.ErrShortSrc
			}
			if nSrc+1 < len(src) && src[nSrc+1] == '"' {
				nSrc++
				continue
			}
		}
		if nDst == len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		dst[nDst] = char
		nDst++
		nSrc++
		switch {
		case char == '"' && f.quoted:
			f.quoted, f.closed = false, true
		case char == '"' && (f.closed || !f.within):
			f.quoted, f.closed, f.within = true, false, true
		case !f.quoted:
			f.closed, f.within = false, char != f.separator && char != '\n'
		}
	}
	return nDst, nSrc, nil
}
