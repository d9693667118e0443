package main

import (
	"os"
	"strings"
)

// sayOverridden names variables of the user's environment that the runner sets to
// another value for a program: addresses are always those of the layout.
func (o *output) sayOverridden(p program) {
	for _, setting := range p.env {
		name, value, _ := strings.Cut(setting, "=")
		if users, ok := os.LookupEnv(name); ok && users != value {
			o.say("ignoring %s=%s of your environment: %s uses %s", name, users, p.name, value)
		}
	}
}
