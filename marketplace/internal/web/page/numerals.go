package page

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/currency"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"

	"bookstall/marketplace/internal/catalog"
)

// numerals writes numbers and prices as a language does. It asks x/text once how the language
// writes them, because a page has many and x/text takes over a microsecond for each. x/text
// has no rule for where the symbol of a currency stands.
type numerals struct {
	printer      *message.Printer
	home         currency.Unit // of the shop: its symbol says enough
	zero         rune          // the first digit
	group, point string
	last, other  int // digits of the last group, and of those before it
	place        place
}

// place is where the symbol of a currency stands.
type place struct {
	after bool // the amount
	apart bool // from the amount
}

// newNumerals returns the numerals of a language, in a shop with a currency, zero for none.
func newNumerals(tag language.Tag, home currency.Unit) *numerals {
	n := &numerals{printer: message.NewPrinter(tag), home: home, zero: '0', last: 3, other: 3, place: placeOf(tag)}
	for _, digit := range n.printer.Sprint(number.Decimal(0)) {
		n.zero = digit
	}
	// The texts between digits: two or more of groups, and the one before the fraction.
	var between []string
	var sizes []int
	size, text := 0, ""
	for _, char := range n.printer.Sprint(number.Decimal(123456789.5)) {
		if char < n.zero || char > n.zero+9 {
			text += string(char)
			continue
		}
		if text != "" {
			between, sizes = append(between, text), append(sizes, size)
			size, text = 0, ""
		}
		size++
	}
	if k := len(between) - 1; k > 1 {
		n.group, n.point, n.last, n.other = between[0], between[k], sizes[k], sizes[k-1]
	} else if k == 0 {
		n.point, n.last = between[0], sizes[0] // no groups
	}
	return n
}

// placeOf returns where a language has the symbols of currencies.
func placeOf(tag language.Tag) place {
	base, _ := tag.Base()
	region, _ := tag.Region()
	switch base.String() + "-" + region.String() {
	case "de-AT", "de-CH", "de-LI", "it-CH", "pt-BR":
		return place{apart: true}
	case "es-MX", "es-US", "es-CO", "es-CL", "es-PE", "es-AR":
		return place{}
	}
	switch base.String() {
	case "nl":
		return place{apart: true}
	case "be", "bg", "bs", "ca", "cs", "da", "de", "el", "es", "et", "eu", "fi", "fr", "gl", "he", "hr", "hu", "is", "it", "lt", "lv", "mk", "nb", "nn", "no",
		"pl", "pt", "ro", "ru", "sk", "sl", "sq", "sr", "sv", "uk", "vi":
		return place{after: true, apart: true}
	}
	return place{}
}

// count writes a whole number that is not negative.
func (n *numerals) count(of int64) string { return n.grouped(strconv.FormatInt(of, 10)) }

// books writes a number of books.
func (n *numerals) books(of int) string { return n.things(of, "book") }

// things writes a number of things, such as 1 line and 2 lines.
func (n *numerals) things(of int, what string) string {
	if of != 1 {
		what += "s"
	}
	return n.count(int64(of)) + " " + what
}

// price writes the price of a book, with as many decimals as its currency has; "" for a book
// without one. It leaves out no digit that says something.
func (n *numerals) price(b *catalog.Book) string {
	if b.Price == "" {
		return ""
	}
	decimals, symbol := 2, b.Currency
	if unit, err := currency.ParseISO(b.Currency); err == nil {
		decimals, _ = currency.Standard.Rounding(unit)
		if symbol = n.printer.Sprint(currency.Symbol(unit)); unit == n.home {
			symbol = n.printer.Sprint(currency.NarrowSymbol(unit))
		}
	}
	whole, fraction, _ := strings.Cut(b.Price, ".")
	fraction = strings.TrimRight(fraction, "0")
	fraction += strings.Repeat("0", max(0, decimals-len(fraction)))
	amount := n.grouped(whole)
	if fraction != "" {
		amount += n.point + n.digits(fraction)
	}
	// A code of letters is never read as a part of the number.
	gap := ""
	if last, _ := utf8.DecodeLastRuneInString(symbol); n.place.apart || last < utf8.RuneSelf && last != '$' {
		gap = "\u00a0"
	}
	if n.place.after {
		return amount + gap + symbol
	}
	return symbol + gap + amount
}

// grouped writes digits in groups.
func (n *numerals) grouped(digits string) string {
	var groups []string
	for size := n.last; len(digits) > size; size = n.other {
		groups = append(groups, n.digits(digits[len(digits)-size:]))
		digits = digits[:len(digits)-size]
	}
	text := n.digits(digits)
	for i := len(groups) - 1; i >= 0; i-- {
		text += n.group + groups[i]
	}
	return text
}

// digits writes digits as the language does.
func (n *numerals) digits(ascii string) string {
	if n.zero == '0' {
		return ascii
	}
	return strings.Map(func(digit rune) rune { return n.zero + digit - '0' }, ascii)
}
