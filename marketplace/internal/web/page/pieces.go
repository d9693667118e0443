package page

import (
	"crypto/rand"
	"io"
	"strings"
	"sync"

	"github.com/a-h/templ"
)

// piece is HTML that a template made once, with gaps for texts that differ from page to page.
type piece struct {
	texts []string // around the gaps: one more than there are gaps
	gaps  []gap
}

// gap is the index of a text that goes into a piece.
type gap int

// write writes the piece, with texts in its gaps. They are escaped as templ escapes a text and
// a plain attribute, so a gap must not be in an address.
func (p *piece) write(w io.Writer, texts []string) error {
	for i, text := range p.texts {
		if i > 0 {
			if err := writeEscaped(w, texts[p.gaps[i-1]]); err != nil {
				return err
			}
		}
		if _, err := io.WriteString(w, text); err != nil {
			return err
		}
	}
	return nil
}

// writeEscaped writes a text as templ.EscapeString returns it, which would make another string.
func writeEscaped(w io.Writer, text string) error {
	for text != "" {
		plain, special := strings.IndexAny(text, `&'<>"`), 1
		if plain < 0 {
			plain, special = len(text), 0
		}
		if _, err := io.WriteString(w, text[:plain]); err != nil {
			return err
		}
		if _, err := io.WriteString(w, templ.EscapeString(text[plain:plain+special])); err != nil {
			return err
		}
		text = text[plain+special:]
	}
	return nil
}

// pieces keeps pieces by K. Each is used as long as what it was made from, F, is the same as
// now: a new catalogue or a new picture makes it again, so none is stale. It is safe for
// concurrent use.
type pieces[K comparable, F any] struct {
	// template shows what key and from say, and puts p.gap where a gap is. It must depend on
	// nothing else but what never changes.
	template func(p *pieces[K, F], key K, from F) templ.Component
	same     func(a, b F) bool
	most     int    // bytes
	mark     string // begins a gap in what the template makes; random, so that no book has it

	// Pieces that are used stay young. When those have half of the bytes, the old ones are
	// dropped and the young ones are the old ones.
	mu         sync.RWMutex
	young, old map[K]*kept[F]
	size       int // of the young ones, in bytes
}

type kept[F any] struct {
	piece piece
	from  F
}

func newPieces[K comparable, F any](most int, same func(a, b F) bool, template func(*pieces[K, F], K, F) templ.Component) *pieces[K, F] {
	return &pieces[K, F]{template: template, same: same, most: most, mark: rand.Text(), young: map[K]*kept[F]{}}
}

// gap returns the text that a template shows in the place of a gap.
func (p *pieces[K, F]) gap(g gap) string { return p.mark + string(rune('a'+g)) }

// write writes a piece, which the template makes if need be, with texts in its gaps.
func (p *pieces[K, F]) write(w io.Writer, key K, from F, texts ...string) error {
	p.mu.RLock()
	found, isYoung := p.young[key]
	if !isYoung {
		found = p.old[key]
	}
	p.mu.RUnlock()
	if found == nil || !p.same(found.from, from) {
		html, err := Render(p.template(p, key, from))
		if err != nil {
			return err
		}
		found, isYoung = &kept[F]{p.split(string(html)), from}, false
	}
	if !isYoung {
		p.keep(key, found)
	}
	return found.piece.write(w, texts)
}

// split cuts HTML at its gaps.
func (p *pieces[K, F]) split(html string) (made piece) {
	parts := strings.Split(html, p.mark)
	made.texts = parts
	for i, part := range parts[1:] {
		made.gaps = append(made.gaps, gap(part[0]-'a'))
		made.texts[i+1] = part[1:]
	}
	return made
}

// overhead is about what a piece takes besides its texts.
const overhead = 768

func (p *pieces[K, F]) keep(key K, k *kept[F]) {
	size := overhead
	for _, text := range k.piece.texts {
		size += len(text)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.size += size; p.size > p.most/2 {
		p.young, p.old, p.size = map[K]*kept[F]{}, p.young, size
	}
	p.young[key] = k
}
