package fault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Set is a set of faults, in the JSON form of /debug/fault. Faults that are left out are
// off.
type Set struct {
	Unready    bool     `json:"unready"`        // /readyz is 503 and gRPC health NOT_SERVING
	NotServing bool     `json:"not_serving"`    // only gRPC health is NOT_SERVING
	ErrorShare float64  `json:"error_share"`    // part of the calls that fail, 0 to 1
	Code       string   `json:"code"`           // code of those failures, one of Codes
	Delay      Duration `json:"delay"`          // delay before each call
	Hang       bool     `json:"hang"`           // calls wait until the caller gives up
	Panic      bool     `json:"panic"`          // the handler of each call panics
	Calls      int      `json:"calls"`          // how many calls fail, are delayed, hang or panic, counted from now; 0 for all
	Exit       *int     `json:"exit,omitempty"` // end the process at once with this status
}

// Duration is a time.Duration whose text form is like "250ms".
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

func none() Set { return Set{Code: Codes()[0]} }

// field describes one field of a Set: its name, its allowed values, and how to set it.
type field struct {
	name, allowed string
	set           func(s *Set, raw []byte) bool // false if raw is not allowed
}

func fields(health bool) []field {
	list := []field{
		{"unready", "true or false", func(s *Set, raw []byte) bool { return decode(raw, &s.Unready) }},
		{"not_serving", "true or false", func(s *Set, raw []byte) bool { return decode(raw, &s.NotServing) }},
		{"error_share", "a number from 0 to 1", func(s *Set, raw []byte) bool {
			return decode(raw, &s.ErrorShare) && s.ErrorShare >= 0 && s.ErrorShare <= 1
		}},
		{"code", "one of " + strings.Join(Codes(), ", "), func(s *Set, raw []byte) bool {
			return decode(raw, &s.Code) && validCode(s.Code)
		}},
		{"delay", `a duration from "0s", such as "250ms"`, func(s *Set, raw []byte) bool {
			return decode(raw, &s.Delay) && s.Delay >= 0
		}},
		{"hang", "true or false", func(s *Set, raw []byte) bool { return decode(raw, &s.Hang) }},
		{"panic", "true or false", func(s *Set, raw []byte) bool { return decode(raw, &s.Panic) }},
		{"calls", "a number from 0", func(s *Set, raw []byte) bool { return decode(raw, &s.Calls) && s.Calls >= 0 }},
		{"exit", "a status from 0 to 255", func(s *Set, raw []byte) bool {
			return decode(raw, &s.Exit) && *s.Exit >= 0 && *s.Exit <= 255
		}},
	}
	if !health {
		list[1].allowed = "false: this program has no gRPC health service"
		list[1].set = func(s *Set, raw []byte) bool { return decode(raw, &s.NotServing) && !s.NotServing }
		panics := slices.IndexFunc(list, func(f field) bool { return f.name == "panic" })
		list[panics].allowed = "false: this program injects faults outside of what recovers"
		list[panics].set = func(s *Set, raw []byte) bool { return decode(raw, &s.Panic) && !s.Panic }
	}
	return list
}

// decode is json.Unmarshal without null, which would leave into as it is.
func decode(raw []byte, into any) bool {
	return string(raw) != "null" && json.Unmarshal(raw, into) == nil
}

// parse decodes a Set. Unknown fields are errors; it reports all errors together.
func parse(body []byte, health bool) (Set, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil || raw == nil {
		return Set{}, errors.New("the body is not a JSON object")
	}
	set := none()
	var errs []error
	var names []string
	for _, f := range fields(health) {
		names = append(names, f.name)
		if value, ok := raw[f.name]; ok && !f.set(&set, value) {
			errs = append(errs, fmt.Errorf("%s is %.100s, want %s", f.name, bytes.ToValidUTF8(value, []byte("\uFFFD")), f.allowed))
		}
		delete(raw, f.name)
	}
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		errs = append(errs, fmt.Errorf("unknown field %.100q, want %s", name, strings.Join(names, ", ")))
	}
	return set, errors.Join(errs...)
}
