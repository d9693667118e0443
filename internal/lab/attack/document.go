package attack

import (
	"fmt"
	"strings"
	"time"

	"bookstall/internal/lab/report"
)

var heading = fmt.Sprintf("%-20s %10s %10s  %-28s %9s  verdict", "attack", "shop", "replica", "reader beside", "back in")

// memory returns the most that the shop and a replica held, in MiB.
func (r result) memory() (shop, replica int64) {
	for i, peak := range r.peaks {
		if i == 0 {
			shop = peak >> 20
		} else {
			replica = max(replica, peak>>20)
		}
	}
	return shop, replica
}

func (r result) beside() string {
	text := fmt.Sprintf("%d calls, p99 %.1f ms", r.reader.Calls, r.reader.P99)
	if r.reader.Retried > 0 {
		text += fmt.Sprintf(", %d repeated", r.reader.Retried)
	}
	return text
}

func (r result) verdict() string {
	if len(r.faults) == 0 {
		return "withstood"
	}
	return "FAIL: " + strings.Join(r.faults, "; ")
}

func (r result) line() string {
	shop, replica := r.memory()
	return fmt.Sprintf("%-20s %6d MiB %6d MiB  %-28s %7.1f s  %s (%s)", r.attack.name, shop, replica, r.beside(), r.back.Seconds(), r.verdict(), r.did)
}

func markdown(t *target, results []result, took time.Duration) string {
	table := report.Table{Head: []string{"attack", "what is sent", "what was done, and what came back", "shop", "replica", "reader beside", "given back in", "verdict"}}
	withstood := 0
	for _, r := range results {
		shop, replica := r.memory()
		table.Add(r.attack.name, r.attack.shows, r.did.String(), fmt.Sprintf("%d MiB", shop), fmt.Sprintf("%d MiB", replica),
			r.beside(), fmt.Sprintf("%.1f s", r.back.Seconds()), strings.ReplaceAll(r.verdict(), "|", `\|`))
		if len(r.faults) == 0 {
			withstood++
		}
	}
	return fmt.Sprintf("%d of %d attacks withstood, in %v. %s. Without an attack the reader's p99 is %.1f ms, so that it may be %.1f ms.\n\n%s",
		withstood, len(results), took, report.Machine(), t.quiet.P99, limit(t.quiet), table.Markdown())
}
