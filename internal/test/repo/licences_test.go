package repo

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// licences are what the modules in our programs may have, by a sentence that only that
// licence has.
func licences() map[string]string {
	return map[string]string{
		"Apache-2.0":   "Apache License",
		"BSD":          "Redistributions of source code must retain the above copyright notice",
		"MIT":          "Permission is hereby granted, free of charge, to any person obtaining a copy",
		"ISC":          "Permission to use, copy, modify, and",
		"MPL-2.0":      "Mozilla Public License, version 2.0",
		"CC0-1.0":      "CC0 1.0 Universal",
		"Unlicense":    "This is free and unencumbered software released into the public domain",
		"BSD (Google)": "Redistribution and use in source and binary forms, with or without",
	}
}

// The programs that we ship hold modules whose licences allow that.
func TestLicences(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=Module", "./marketplace", "./recommendations")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	type module struct {
		Path, Dir string
		Main      bool
	}
	seen := map[string]bool{}
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var pkg struct{ Module *module }
		if err := decoder.Decode(&pkg); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		m := pkg.Module
		if m == nil || m.Main || seen[m.Path] { // nil for the standard library
			continue
		}
		seen[m.Path] = true
		if _, ok := licenceOf(t, m.Dir); !ok {
			t.Errorf("%s has no licence that we know; look at %s", m.Path, m.Dir)
		}
	}
	if len(seen) < 20 {
		t.Errorf("%d modules, want those of both programs", len(seen))
	}
}

// licenceOf returns the licence of the module in a folder.
func licenceOf(t *testing.T, dir string) (string, bool) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := strings.ToUpper(e.Name())
		if !slices.ContainsFunc([]string{"LICENSE", "LICENCE", "COPYING"}, func(p string) bool { return strings.HasPrefix(name, p) }) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			continue // a folder of licences
		}
		plain := strings.Join(strings.Fields(string(text)), " ")
		for name, sentence := range licences() {
			if strings.Contains(plain, sentence) {
				return name, true
			}
		}
	}
	return "", false
}
