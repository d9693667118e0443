package store

import (
	"errors"
	"strings"
)

// Cause is why a store cannot be used, for logs and metrics.
type Cause string

// The causes. A statement that is at fault itself has none.
const (
	Full        Cause = "full"        // no space is left for it
	Exhausted   Cause = "exhausted"   // the server has no memory, connections or other resources left
	Damaged     Cause = "damaged"     // it is not whole
	Moved       Cause = "moved"       // its file was removed or replaced
	Outdated    Cause = "outdated"    // it has the schema of an earlier version, and will be migrated
	ReadOnly    Cause = "read_only"   // it takes no writes, as a standby does not
	Busy        Cause = "busy"        // another program holds it
	Timeout     Cause = "timeout"     // it does not answer in time
	Refused     Cause = "refused"     // it does not let this program in, is not trusted, or has no such database
	IO          Cause = "io"          // its disk fails
	Unreachable Cause = "unreachable" // there is no connection, or it broke
)

// Causes lists all causes.
func Causes() []Cause {
	return []Cause{Full, Exhausted, Damaged, Moved, Outdated, ReadOnly, Busy, Timeout, Refused, IO, Unreachable}
}

// outage is a domain.ErrStoreDown with its cause.
type outage struct {
	cause Cause
	file  string // of an SQLite store
	error
}

func (o *outage) Error() string {
	if o.file == "" || strings.Contains(o.error.Error(), o.file) {
		return o.error.Error()
	}
	return o.file + ": " + o.error.Error()
}

func (o *outage) Unwrap() error { return o.error }

// Hopeless returns the file of an SQLite store that cannot be opened until somebody has done
// something about it, "" if another attempt may succeed.
func Hopeless(err error) (file string) {
	if o, ok := errors.AsType[*outage](err); ok && (o.cause == Damaged || o.cause == ReadOnly || o.cause == Full || errors.Is(err, errFolder)) {
		return o.file
	}
	return ""
}

// CauseOf returns the cause of an error of a Store, "" if it does not mean that the store
// cannot be used.
func CauseOf(err error) Cause {
	if o, ok := errors.AsType[*outage](err); ok {
		return o.cause
	}
	return ""
}
