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
	words := strings.Fields(text)
	for _, size := range sizes {
		if lines, whole := wrap(words, width/size); whole && float64(len(lines))*size*leading <= height {
			return block{lines, size}
		}
	}
	size := sizes[len(sizes)-1]
	lines, _ := wrap(words, width/size)
	if most := max(int(height/(size*leading)), 1); len(lines) > most {
		lines = lines[:most]
		lines[most-1] = shorten(lines[most-1]+"…", width/size)
	}
	return block{lines, size}
}

// wrap breaks words into lines of at most width ems; whole is false if it had to break
// a word.
func wrap(words []string, width float64) (lines []string, whole bool) {
	whole = true
	line := ""
	for _, word := range words {
		if line != "" && measure(line)+measure(" ")+measure(word) <= width {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for measure(word) > width {
			whole = false
			head := shorten(word, width)
			if head == "" { // not even one letter fits
				break
			}
			lines = append(lines, head)
			word = word[len(head):]
			if len(lines) > 100 { // far more than a cover shows
				return lines, false
			}
		}
		line = word
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
	switch {
	case strings.ContainsRune("il.,:;!|'’‘`·ıíìîï", r):
		return 0.40
	case strings.ContainsRune("fjrtIJ()[]/-–\"", r):
		return 0.53
	case strings.ContainsRune("mwæœ", r):
		return 0.98
	case strings.ContainsRune("MWÆŒ@%—…", r):
		return 1.12
	case r == ' ':
		return 0.35
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
