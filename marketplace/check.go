package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"bookstall/internal/config"
)

// check is the command that `helm test` runs: it checks a shop from outside.
type check struct {
	Shop      string        `env:"-" help:"URL of the shop." placeholder:"URL" required:""`
	Replicas  int           `env:"-" help:"Minimum number of replicas of recommendations that must answer." default:"1"`
	Calls     int           `env:"-" help:"Number of recommendations to request; 0 for 60 per replica." default:"0"`
	Tolerance float64       `env:"-" help:"How far the calls of a replica may deviate from an equal share, as a fraction of it, 0 to 1." default:"0.25"`
	UserID    int64         `env:"-" name:"user-id" help:"Reader whose recommendations to request." default:"1"`
	Timeout   time.Duration `env:"-" help:"How long to repeat the check until it succeeds." default:"1m"`
	APIToken  string        `name:"api-token" help:"Bearer token of the JSON API." placeholder:"TOKEN"`
}

// Validate reports all invalid settings at once. Kong calls it.
func (c *check) Validate() error {
	var errs []error
	if u, err := url.Parse(c.Shop); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		errs = append(errs, fmt.Errorf("--shop is %q, want http://HOST or https://HOST", c.Shop))
	}
	if c.Replicas < 1 {
		errs = append(errs, fmt.Errorf("--replicas is %d, want 1 or more", c.Replicas))
	}
	if c.Calls < 0 {
		errs = append(errs, fmt.Errorf("--calls is %d, want 0 or more", c.Calls))
	}
	if c.Tolerance < 0 || c.Tolerance > 1 || math.IsNaN(c.Tolerance) {
		errs = append(errs, fmt.Errorf("--tolerance is %v, want 0 to 1", c.Tolerance))
	}
	errs = append(errs, config.AtLeast("--timeout", c.Timeout, time.Millisecond))
	return errors.Join(errs...)
}

const checkInterval = time.Second

// Run repeats the check until it succeeds or times out, and prints the last complete one.
func (c check) Run(ctx context.Context, to config.Streams) error {
	if c.Calls == 0 {
		c.Calls = 60 * c.Replicas
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	var table string
	var wrong error
	for ctx.Err() == nil {
		seen, err := c.once(ctx)
		if wrong == nil || ctx.Err() == nil { // otherwise the timeout interrupted this check
			table, wrong = seen, err
		}
		if wrong == nil {
			break
		}
		select { // a new release may still be discovering its replicas
		case <-time.After(checkInterval):
		case <-ctx.Done():
		}
	}
	if _, err := io.WriteString(to.Out, table); err != nil {
		return err
	}
	return wrong
}

// once runs the check once. It returns a table of the results and what is wrong.
func (c check) once(ctx context.Context) (table string, err error) {
	shop := strings.TrimSuffix(c.Shop, "/")
	var out strings.Builder
	status, page, err := fetch(ctx, shop+"/", "")
	if err != nil {
		return "", fmt.Errorf("front page: %w", err)
	}
	if status != http.StatusOK || !linksToABook().Match(page) {
		return "", fmt.Errorf("front page: status %d, want 200 and books", status)
	}
	fmt.Fprintf(&out, "%-24s ok\n", "front page")

	servedBy := map[string]int{}
	var source string
	for range c.Calls {
		var replica string
		if source, replica, err = c.recommendation(ctx, shop); err != nil {
			return out.String(), fmt.Errorf("recommendation: %w", err)
		}
		servedBy[replica]++
	}
	fmt.Fprintf(&out, "%-24s %s\n", "recommendation", source)
	var errs []error
	if len(servedBy) < c.Replicas {
		errs = append(errs, fmt.Errorf("%d replicas answer, want %d or more", len(servedBy), c.Replicas))
	}
	equal := float64(c.Calls) / float64(len(servedBy))
	for _, name := range slices.Sorted(maps.Keys(servedBy)) {
		n := servedBy[name]
		fmt.Fprintf(&out, "%-24s %d of %d calls, %.1f %%\n", name, n, c.Calls, 100*float64(n)/float64(c.Calls))
		if math.Abs(float64(n)-equal) > c.Tolerance*equal {
			errs = append(errs, fmt.Errorf("%s answers %d of %d calls, want %.0f ± %.0f %%", name, n, c.Calls, equal, 100*c.Tolerance))
		}
	}
	return out.String(), errors.Join(errs...)
}

// linksToABook matches pages with the link of a book, below any path.
func linksToABook() *regexp.Regexp { return regexp.MustCompile(`href="[^"]*/books/[0-9]`) }

// recommendation requests one shelf, which must not be a fallback.
func (c check) recommendation(ctx context.Context, shop string) (source, servedBy string, err error) {
	status, body, err := fetch(ctx, fmt.Sprintf("%s/api/v1/recommendations?user_id=%d", shop, c.UserID), c.APIToken)
	if err != nil {
		return "", "", err
	}
	if status != http.StatusOK {
		return "", "", fmt.Errorf("status %d: %.200s", status, body)
	}
	var answer struct {
		Source          string            `json:"source"`
		ServedBy        string            `json:"served_by"`
		Recommendations []json.RawMessage `json:"recommendations"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", "", err
	}
	if len(answer.Recommendations) == 0 || answer.Source != "personal" && answer.Source != "popular" {
		return "", "", fmt.Errorf("%d books, source %q, want books from source personal or popular", len(answer.Recommendations), answer.Source)
	}
	return answer.Source, answer.ServedBy, nil
}
