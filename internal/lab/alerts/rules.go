package alerts

import (
	"fmt"
	"os"
	"regexp"
	"time"
)

// chartRules are the rules, below the folder of the repository.
const chartRules = "helm/bookstall/rules/alerts.yaml"

// scale is how much shorter windows and waits are than in the rules.
const scale = 60

// writeScaled writes the rules with all windows and waits shortened by scale.
func writeScaled(from, to string) error {
	rules, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	scaled, err := scaleTimes(string(rules))
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	return os.WriteFile(to, []byte(scaled), 0o600) //nolint:gosec // a folder of our own
}

// scaleTimes shortens the durations of rules: ranges in brackets, and the fields for,
// keep_firing_for and interval.
func scaleTimes(rules string) (string, error) {
	var errs error
	shorten := func(text string) string {
		d, err := time.ParseDuration(text)
		if err != nil {
			errs = fmt.Errorf("the duration %q is not one of hours, minutes and seconds: %w", text, err)
			return text
		}
		return fmt.Sprintf("%dms", max(500, (d/scale).Milliseconds()))
	}
	for _, pattern := range []string{`(\[)(\w+)(\])`, `(?m)^([ -]*(?:for|keep_firing_for|interval): )(\w+)($)`} {
		re := regexp.MustCompile(pattern)
		rules = re.ReplaceAllStringFunc(rules, func(found string) string {
			m := re.FindStringSubmatch(found)
			return m[1] + shorten(m[2]) + m[3]
		})
	}
	return rules, errs
}
