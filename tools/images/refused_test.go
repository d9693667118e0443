package main

import (
	"io"
	"strings"
	"testing"
)

func TestRefused(t *testing.T) {
	for name, row := range map[string]struct {
		args []string
		env  string
		want string
	}{
		"no folder to write to": {nil, "", "-o is not set"},
		"unknown program":       {[]string{"-o", "x", "shop"}, "", `no build "shop"`},
		"unknown platform":      {[]string{"-o", "x", "-platform", "linux/mips"}, "", `platform "linux/mips" is not one of linux/amd64, linux/arm64`},
		"bad time":              {[]string{"-o", "x"}, "yesterday", `SOURCE_DATE_EPOCH is "yesterday"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("SOURCE_DATE_EPOCH", row.env)
			err := run(t.Context(), append([]string{"-root", root}, row.args...), io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("error %v, want %q", err, row.want)
			}
		})
	}
}
