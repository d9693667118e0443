package spreadsheet

import (
	"bytes"
	"io"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// Decoder converts a file to UTF-8. A byte order mark or a zero byte at the start tells
// UTF-16. Otherwise the first byte beyond ASCII decides: if it begins a character of UTF-8,
// the file is UTF-8, and else Windows-1252, in which nearly any text looks different.
type Decoder struct {
	source  io.Reader
	decided io.Reader // what to read from now on; nil while all has been ASCII
	name    string    // name of the encoding; "" for UTF-8
}

// NewDecoder returns a decoder of a file.
func NewDecoder(source io.Reader) *Decoder {
	start := make([]byte, 3)
	n, _ := io.ReadFull(source, start) // the next read returns the error again
	start = start[:n]
	d := &Decoder{source: io.MultiReader(bytes.NewReader(start), source)}
	switch {
	case bytes.HasPrefix(start, []byte("\uFEFF")):
		d.decided = source
	case bytes.HasPrefix(start, []byte{0xff, 0xfe}), n > 1 && start[0] != 0 && start[1] == 0:
		d.decide("UTF-16", unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), d.source)
	case bytes.HasPrefix(start, []byte{0xfe, 0xff}), n > 1 && start[0] == 0 && start[1] != 0:
		d.decide("UTF-16", unicode.UTF16(unicode.BigEndian, unicode.UseBOM), d.source)
	}
	return d
}

func (d *Decoder) decide(name string, e encoding.Encoding, source io.Reader) {
	d.name, d.decided = name, e.NewDecoder().Reader(source)
}

// Encoding returns the name of the encoding as far as the file has been read, "" for UTF-8.
func (d *Decoder) Encoding() string { return d.name }

// Read implements io.Reader.
func (d *Decoder) Read(p []byte) (int, error) {
	if d.decided != nil {
		return d.decided.Read(p)
	}
	n, err := d.source.Read(p)
	at := slices.IndexFunc(p[:n], func(b byte) bool { return b >= utf8.RuneSelf })
	if at < 0 {
		return n, err
	}
	rest := bytes.Clone(p[at:n])
	for one := make([]byte, 1); !utf8.FullRune(rest); rest = append(rest, one[0]) {
		if _, err := io.ReadFull(d.source, one); err != nil {
			break
		}
	}
	source := io.MultiReader(bytes.NewReader(rest), d.source)
	if char, width := utf8.DecodeRune(rest); char == utf8.RuneError && width == 1 {
		d.decide("Windows-1252", charmap.Windows1252, source)
	} else {
		d.decided = source
	}
	if at > 0 {
		return at, nil
	}
	return d.decided.Read(p)
}
