package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"bookstall/internal/lab/load"
)

// tokenVariable may hold the API token. A flag is visible to all who can list
// processes.
const tokenVariable = "LOAD_API_TOKEN" //nolint:gosec // a name, not a token

// settings are the values of the flags.
type settings struct {
	load load.Config
	json bool
	file string
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	var admins []string
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&s.load.Shop, "shop", "http://127.0.0.1:8080", "`URL` of the shop")
	flags.Float64Var(&s.load.Rate, "rate", 50, "calls a second")
	flags.DurationVar(&s.load.Duration, "duration", time.Minute, "how long to make calls; 0 until a signal")
	flags.DurationVar(&s.load.Timeout, "timeout", 10*time.Second, "deadline of a call")
	flags.DurationVar(&s.load.Interval, "interval", time.Second, "time between progress lines and between rows of the report's timeline")
	flags.IntVar(&s.load.MaxInFlight, "in-flight", 2000, "most calls in flight; calls due above it count as failed")
	flags.BoolVar(&s.load.Retry, "retry", false, "retry a GET once if its connection breaks, and count that")
	flags.Uint64Var(&s.load.Seed, "seed", 1, "seed of the choice of calls")
	flags.StringVar(&s.load.Token, "api-token", "", "bearer `token` of the JSON API; safer in $"+tokenVariable)
	flags.Func("readers", "ids of readers whose shelves must be personal, such as `1,2,5-9`; the shop's sample readers if empty", func(text string) (err error) {
		s.load.Readers, err = ids(text)
		return err
	})
	flags.Func("replica", "admin `URL` of a replica, to count its calls; may be repeated", func(text string) error {
		admins = append(admins, text)
		return nil
	})
	name := flags.String("replicas-dns", "", "`NAME:PORT` of the admin ports of all replicas in DNS, to count their calls")
	flags.BoolVar(&s.json, "json", false, "print the report as one line of JSON to standard output, everything else to standard error")
	flags.StringVar(&s.file, "report", "", "write the report as JSON to this `file`")
	if err := flags.Parse(args); err != nil {
		return settings{}, err
	}
	if flags.NArg() > 0 {
		return settings{}, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	if s.load.Token == "" {
		s.load.Token = os.Getenv(tokenVariable)
	}
	switch {
	case len(admins) > 0 && *name != "":
		return settings{}, errors.New("-replica and -replicas-dns exclude each other: set only one")
	case len(admins) > 0:
		s.load.Replicas = func(context.Context) ([]string, error) { return admins, nil }
	case *name != "":
		var err error
		if s.load.Replicas, err = load.Hosts(*name); err != nil {
			return settings{}, fmt.Errorf("-replicas-dns: %w", err)
		}
	}
	return s, nil
}

const maxReaders = 1_000_000

// ids parses numbers and ranges of numbers.
func ids(text string) (list []int64, err error) {
	for part := range strings.SplitSeq(text, ",") {
		low, high, isRange := strings.Cut(part, "-")
		if !isRange {
			high = low
		}
		from, err1 := strconv.ParseInt(low, 10, 64)
		to, err2 := strconv.ParseInt(high, 10, 64)
		if err1 != nil || err2 != nil || from < 1 || to < from || to-from >= maxReaders {
			return nil, fmt.Errorf("%q: want a number from 1 on or a range, such as 5-9", part)
		}
		for id := from; id <= to; id++ {
			list = append(list, id)
		}
	}
	return list, nil
}
