package main

import (
	"os"
	"strings"
)

// sayUnused names the user's own variables that the runner sets for a program:
// addresses are those of the layout, whatever the environment says.
func (o *output) sayUnused(p program) {
	for _, setting := range p.env {
		name, ours, _ := strings.Cut(setting, "=")
		if theirs, ok := os.LookupEnv(name); ok && theirs != ours {
			o.say("%s=%s of your environment is not used for %s, which has %s", name, theirs, p.name, ours)
		}
	}
}
