package command

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"bookstall/recommendations/internal/bookcsv"
)

// formFlags say what files do not say themselves.
type formFlags struct {
	Map   columnNames `env:"-" placeholder:"COLUMN=NAME,..." help:"Where the columns of the files differ in name: the column of docs/data-formats.md, and its name in the file, such as user_id=Customer,rating=Stars."`
	Scale *float64    `env:"-" placeholder:"N" help:"The highest rating in the files, 5 if not set: N is read as 5 stars, and less in proportion."`
}

func (f formFlags) validate() error {
	var errs []error
	known := bookcsv.Columns()
	for _, column := range slices.Sorted(maps.Keys(f.Map)) {
		if !slices.Contains(known, column) {
			errs = append(errs, fmt.Errorf("--map: %q is not a column; the columns are %s", column, strings.Join(known, ", ")))
		}
	}
	if f.Scale != nil && !(*f.Scale > 0 && *f.Scale <= 1000) {
		errs = append(errs, fmt.Errorf("--scale is %v, want more than 0 and at most 1000", *f.Scale))
	}
	return errors.Join(errs...)
}

func (f formFlags) options() bookcsv.Options {
	o := bookcsv.Options{Columns: f.Map}
	if f.Scale != nil {
		o.Scale = *f.Scale
	}
	return o
}

// columnNames has the names that columns have in the files, by column. Kong would take the last
// of several for a column.
type columnNames map[string]string

// UnmarshalText is called by Kong for each time that the flag is given.
func (c *columnNames) UnmarshalText(text []byte) error {
	if *c == nil {
		*c = columnNames{}
	}
	for _, pair := range kong.SplitEscaped(string(text), ',') {
		column, name, ok := strings.Cut(pair, "=")
		if !ok {
			return fmt.Errorf("%q must have the form COLUMN=NAME", pair)
		}
		if other, given := (*c)[column]; given && other != name {
			return fmt.Errorf("%s is given as %q and as %q", column, other, name)
		}
		(*c)[column] = name
	}
	return nil
}
