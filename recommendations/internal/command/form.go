package command

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"bookstall/recommendations/internal/bookcsv"
)

// formFlags say what files do not say themselves.
type formFlags struct {
	Map   map[string]string `env:"-" placeholder:"COLUMN=NAME,..." mapsep:"," help:"Where the columns of the files differ in name: the column of docs/data-formats.md, and its name in the file, such as user_id=Customer,rating=Stars."`
	Scale float64           `env:"-" placeholder:"N" help:"The highest rating in the files, 5 if not set: N is read as 5 stars, and less in proportion."`
}

func (f formFlags) validate() error {
	var errs []error
	known := bookcsv.Columns()
	for _, column := range slices.Sorted(maps.Keys(f.Map)) {
		if !slices.Contains(known, column) {
			errs = append(errs, fmt.Errorf("--map: %q is not a column; the columns are %s", column, strings.Join(known, ", ")))
		}
	}
	if !(f.Scale >= 0 && f.Scale <= 1000) {
		errs = append(errs, fmt.Errorf("--scale is %v, want at most 1000", f.Scale))
	}
	return errors.Join(errs...)
}

func (f formFlags) options() bookcsv.Options {
	return bookcsv.Options{Columns: f.Map, Scale: f.Scale}
}
