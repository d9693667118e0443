package cover

import (
	"strings"
	"unicode"
)

// block is text cut into lines that fit.
type block struct {
	lines []string
	size  float64
}

const leading = 1.16 // distance from one line to the next, in sizes

func (b block) height() float64 { return float64(len(b.lines)) * b.size * leading }

// fit sets text in the first of the sizes, largest first, that fits into width and
// height without breaking a word. If none does, it uses the last one, breaks words
// and cuts the text.
func fit(text string, width, height float64, sizes ...float64) block {
	parts := split(text)
	for _, size := range sizes {
		if lines, whole := wrap(parts, width/size); whole && float64(len(lines))*size*leading <= height {
			return block{lines, size}
		}
	}
	size := sizes[len(sizes)-1]
	lines, _ := wrap(parts, width/size)
	if most := max(int(height/(size*leading)), 1); len(lines) > most {
		lines = lines[:most]
		lines[most-1] = shorten(lines[most-1]+"…", width/size)
	}
	return block{lines, size}
}

// part is text within which no line breaks: a word, half of a long one with a hyphen, or a
// character of a script that has no spaces.
type part struct {
	text  string
	width float64 // in ems
	space bool    // before it
}

// split cuts text into parts. A closing mark stays with the character before it, an opening
// one with that after it.
func split(text string) []part {
	var parts []part
	for _, word := range strings.Fields(text) {
		start, space := 0, len(parts) > 0
		var before rune
		for i, r := range word {
			if i > start && (hyphenated(word, i) || (spaceless(r) || spaceless(before)) &&
				!unicode.In(r, unicode.Pe, unicode.Po, unicode.Lm, unicode.Mn) && !unicode.Is(unicode.Ps, before)) {
				parts = append(parts, part{word[start:i], measure(word[start:i]), space})
				start, space = i, false
			}
			before = r
		}
		parts = append(parts, part{word[start:], measure(word[start:]), space})
	}
	return parts
}

// hyphenated reports whether a line may break before word[i], after a hyphen.
func hyphenated(word string, i int) bool {
	return word[i-1] == '-' && i > 6 && len(word)-i > 2
}

// spaceless reports whether r is of a script in which lines break between any two characters.
func spaceless(r rune) bool {
	return r >= 0x2e80 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana)
}

// wrap breaks parts into lines of at most width ems; whole is false if it had to break
// a part.
func wrap(parts []part, width float64) (lines []string, whole bool) {
	whole = true
	line, used := "", 0.0
	for _, next := range parts {
		gap := ""
		if next.space {
			gap = " "
		}
		if line != "" && used+measure(gap)+next.width <= width {
			line += gap + next.text
			used += measure(gap) + next.width
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		line, used = next.text, next.width
		for used > width {
			whole = false
			head := shorten(line, width)
			if head == "" { // not even one letter fits
				break
			}
			lines = append(lines, head)
			line = line[len(head):]
			used = measure(line)
			if len(lines) > 100 { // far more than a cover shows
				return lines, false
			}
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines, whole
}

// shorten cuts text to width ems, and keeps an ellipsis at its end.
func shorten(text string, width float64) string {
	tail := ""
	if strings.HasSuffix(text, "…") {
		text, tail = strings.TrimSuffix(text, "…"), "…"
	}
	width -= measure(tail)
	for i, r := range text {
		if width -= advance(r); width < 0 {
			return strings.TrimRight(text[:i], " ") + tail
		}
	}
	return text + tail
}

// measure returns the width of text in ems, rounded up because the reader's font is
// not known.
func measure(text string) float64 {
	sum := 0.0
	for _, r := range text {
		sum += advance(r)
	}
	return sum
}

func advance(r rune) float64 {
	switch r {
	case 'i', 'l', '.', ',', ':', ';', '!', '|', '\'', '’', '‘', '`', '·', 'ı', 'í', 'ì', 'î', 'ï':
		return 0.40
	case 'f', 'j', 'r', 't', 'I', 'J', '(', ')', '[', ']', '/', '-', '–', '"':
		return 0.53
	case 'm', 'w', 'æ', 'œ':
		return 0.98
	case 'M', 'W', 'Æ', 'Œ', '@', '%', '—', '…':
		return 1.12
	case ' ':
		return 0.35
	}
	switch {
	case 'A' <= r && r <= 'Z':
		return 0.79
	case r < 0x80:
		return 0.68
	case unicode.Is(unicode.Mn, r):
		return 0
	case unicode.IsUpper(r):
		return 0.79
	case r >= 0x1100: // Asian scripts, symbols
		return 1.05
	default:
		return 0.68
	}
}
