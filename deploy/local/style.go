package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// style is how lines are shown. The zero style shows them as the programs write them.
type style struct {
	readable bool // shows a line of JSON as text
	colour   bool
}

// styleOf returns the style for w: readable lines on a terminal, in colours unless it has
// none or the user wants none (https://no-color.org).
func styleOf(w io.Writer) style {
	f, ok := w.(*os.File)
	if !ok {
		return style{}
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return style{}
	}
	return style{readable: true, colour: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// Codes of colours.
const (
	faint  = 2
	red    = 31
	yellow = 33
)

// paint returns text in a colour, or as it is for 0.
func (s style) paint(code int, text string) string {
	if !s.colour || code == 0 {
		return text
	}
	return "\x1b[" + strconv.Itoa(code) + "m" + text + "\x1b[0m"
}

// show returns a line of a program's log in this style, such as
//
//	10:24:45.123 WARN certificate expires file=tls.crt
//
// A line that is not JSON of a log is returned as it is.
func (s style) show(line []byte) []byte {
	if !s.readable {
		return line
	}
	fields, ok := fieldsOf(line)
	if !ok {
		return line
	}
	var at, level, msg, rest string
	for _, f := range fields {
		switch f.key {
		case "time":
			at = f.text()
		case "level":
			level = printable(strings.ToUpper(f.text()))
		case "msg":
			msg = printable(f.text())
		case "service", "instance": // the prefix has the name
		default:
			rest += " " + s.paint(faint, printable(f.key)+"=") + f.quoted()
		}
	}
	when, err := time.Parse(time.RFC3339Nano, at)
	if err != nil || level == "" || msg == "" {
		return line
	}
	colour := map[string]int{"DEBUG": faint, "WARN": yellow, "ERROR": red}[level]
	if level != "INFO" {
		msg = level + " " + msg
	}
	return []byte(s.paint(faint, when.Local().Format("15:04:05.000")) + " " + s.paint(colour, msg) + rest)
}

// field is a member of a JSON object.
type field struct {
	key   string
	value json.RawMessage
}

// fieldsOf returns the members of a JSON object in their order.
func fieldsOf(line []byte) (fields []field, ok bool) {
	d := json.NewDecoder(bytes.NewReader(line))
	if begin, err := d.Token(); err != nil || begin != json.Delim('{') {
		return nil, false
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, false
		}
		f := field{key: key.(string)} // Decoder returns no other key
		if err := d.Decode(&f.value); err != nil {
			return nil, false
		}
		fields = append(fields, f)
	}
	_, err := d.Token()
	return fields, err == nil && len(bytes.TrimSpace(line[d.InputOffset():])) == 0
}

// text returns a string without its quotes, and another value as it is.
func (f field) text() string {
	var s string
	if json.Unmarshal(f.value, &s) != nil {
		return string(f.value)
	}
	return s
}

// quoted returns the value with quotes if it is a string that needs them.
func (f field) quoted() string {
	s := f.text()
	if f.value[0] == '"' && (s == "" || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == '"' || r == '=' })) {
		return strconv.Quote(s)
	}
	return printable(s)
}

// printable quotes a text with characters that would move the cursor or change the terminal.
func printable(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}
