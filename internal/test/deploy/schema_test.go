package deploy

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// readSchema compiles a schema of testdata.
func readSchema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	// Some name a draft that does not exist. All use only what the drafts have in
	// common, and formats that no draft defines.
	delete(doc.(map[string]any), "$schema")
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2019)
	if err := c.AddResource(name, doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// TestSchemasHaveTheirNotice checks that NOTICE names the origin and the licence of each
// schema: they come from other projects.
func TestSchemasHaveTheirNotice(t *testing.T) {
	notice := read(t, "internal/test/deploy/testdata/NOTICE")
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d schemas, %v", len(files), err)
	}
	want := []string{"GoogleContainerTools/skaffold", "docker/compose", "compose-spec/compose-go", "Apache License, Version 2.0"}
	for _, f := range files {
		want = append(want, filepath.Base(f))
	}
	for _, w := range want {
		if !bytes.Contains(notice, []byte(w)) {
			t.Errorf("NOTICE does not contain %q", w)
		}
	}
}
