// Command schemas writes JSON Schemas of Kubernetes kinds for kubeconform: one folder
// per Kubernetes release, one file per kind.
//
// The sources are published by the projects in their Go modules: the OpenAPI document
// of Kubernetes, and the custom resource definitions of Gateway API and the Prometheus
// operator. The schemas refuse fields that these do not define.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// releases returns the Kubernetes releases that the chart is checked against.
func releases() []string { return []string{"v1.34.4", "v1.36.3"} }

// definitions returns the modules and files with the definitions of the custom resources
// that the chart can create.
func definitions() map[string][]string {
	return map[string][]string{
		"sigs.k8s.io/gateway-api@v1.3.0": {
			"config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
		},
		"github.com/prometheus-operator/prometheus-operator@v0.85.0": {
			"example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
			"example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
		},
	}
}

func main() {
	out := flag.String("out", ".tools/schemas", "folder to write to")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "schemas:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	custom := map[string]schema{}
	for module, files := range definitions() {
		dir, err := download(module)
		if err != nil {
			return err
		}
		for _, file := range files {
			if err := readDefinition(filepath.Join(dir, file), custom); err != nil {
				return err
			}
		}
	}
	for _, release := range releases() {
		dir, err := download("k8s.io/kubernetes@" + release)
		if err != nil {
			return err
		}
		kinds, err := readOpenAPI(filepath.Join(dir, "api/openapi-spec/swagger.json"))
		if err != nil {
			return err
		}
		for _, list := range []map[string]schema{kinds, custom} {
			if err := write(filepath.Join(out, release), list); err != nil {
				return err
			}
		}
	}
	return nil
}

// download returns the folder of a module, and downloads it if necessary.
func download(module string) (string, error) {
	cmd := exec.Command("go", "mod", "download", "-json", module) //nolint:gosec // the modules are listed above
	cmd.Stderr = os.Stderr
	// Outside of this module, whose go.mod does not list these.
	cmd.Dir = os.TempDir()
	text, err := cmd.Output()
	var answer struct{ Dir, Error string }
	if jsonErr := json.Unmarshal(text, &answer); jsonErr != nil || answer.Dir == "" {
		return "", fmt.Errorf("download %s: %w", module, errors.Join(err, errors.New(answer.Error)))
	}
	return answer.Dir, nil
}

func write(dir string, kinds map[string]schema) error {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // readable by everyone
		return err
	}
	for name, s := range kinds {
		text, err := json.Marshal(s)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name+".json"), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// schema is a JSON Schema, or a part of one.
type schema = map[string]any

// fileName returns the name that kubeconform expects: {{.ResourceKind}}{{.KindSuffix}}.
func fileName(group, version, kind string) string {
	parts := []string{strings.ToLower(kind), version}
	if first, _, _ := strings.Cut(group, "."); first != "" {
		parts = slices.Insert(parts, 1, first)
	}
	return strings.Join(parts, "-")
}

// readOpenAPI returns a schema for each kind that has exactly one group and version.
func readOpenAPI(file string) (map[string]schema, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var doc struct{ Definitions map[string]schema }
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	type groupVersionKind struct{ Group, Version, Kind string }
	names := map[string]groupVersionKind{}
	for name, s := range doc.Definitions {
		var of []groupVersionKind
		if list, ok := s["x-kubernetes-group-version-kind"]; ok {
			text, _ := json.Marshal(list) // it was decoded from JSON
			if err := json.Unmarshal(text, &of); err != nil {
				return nil, fmt.Errorf("%s: %s: %w", file, name, err)
			}
		}
		if len(of) == 1 && !strings.HasSuffix(name, "List") {
			names[name] = of[0]
		}
		doc.Definitions[name] = strict(s).(schema)
	}
	kinds := map[string]schema{}
	for name, of := range names {
		parts := schema{}
		collect(doc.Definitions, name, parts)
		kinds[fileName(of.Group, of.Version, of.Kind)] = schema{
			"$schema":     "http://json-schema.org/draft-07/schema#",
			"allOf":       []any{schema{"$ref": "#/definitions/" + name}},
			"required":    []string{"apiVersion", "kind"},
			"definitions": parts,
		}
	}
	return kinds, nil
}

// readDefinition adds the kinds of a CustomResourceDefinition.
func readDefinition(file string, kinds map[string]schema) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var doc struct {
		Spec struct {
			Group    string
			Names    struct{ Kind string }
			Versions []struct {
				Name   string
				Schema struct {
					OpenAPIV3Schema schema `yaml:"openAPIV3Schema"`
				}
			}
		}
	}
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&doc); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for _, v := range doc.Spec.Versions {
		kinds[fileName(doc.Spec.Group, v.Name, doc.Spec.Names.Kind)] = strict(v.Schema.OpenAPIV3Schema).(schema)
	}
	return nil
}

// strict converts a part of a document to a strict JSON Schema: unknown fields are
// refused, and a quantity may be a number. It omits descriptions, which are most of the
// bytes.
func strict(part any) any {
	switch part := part.(type) {
	case []any:
		list := make([]any, len(part))
		for i, p := range part {
			list[i] = strict(p)
		}
		return list
	case schema:
		if part["format"] == "int-or-string" || part["x-kubernetes-int-or-string"] == true {
			return schema{"type": []string{"integer", "string"}}
		}
		s := schema{}
		for key, value := range part {
			switch {
			case key == "properties":
				fields := schema{}
				for name, field := range value.(schema) {
					fields[name] = strict(field)
				}
				s[key] = fields
			case slices.Contains([]string{"allOf", "anyOf", "oneOf", "not"}, key):
				s[key] = value // these constrain fields that are defined outside of them
			case key == "description", key == "default", key == "format", strings.HasPrefix(key, "x-kubernetes-"):
			default:
				s[key] = strict(value)
			}
		}
		_, named := s["properties"]
		_, open := s["additionalProperties"]
		if named && !open && part["x-kubernetes-preserve-unknown-fields"] != true {
			s["additionalProperties"] = false
		}
		if text, _ := part["description"].(string); strings.HasPrefix(text, "Quantity is a fixed-point") {
			s["type"] = []string{"number", "string"}
		}
		return s
	default:
		return part
	}
}

// collect copies a definition and all definitions that it refers to.
func collect(from map[string]schema, name string, to schema) {
	if _, done := to[name]; done {
		return
	}
	to[name] = from[name]
	var walk func(any)
	walk = func(part any) {
		switch part := part.(type) {
		case []any:
			for _, p := range part {
				walk(p)
			}
		case schema:
			for key, value := range part {
				if ref, ok := value.(string); ok && key == "$ref" {
					collect(from, strings.TrimPrefix(ref, "#/definitions/"), to)
					continue
				}
				walk(value)
			}
		}
	}
	walk(from[name])
}
