package chart

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const (
	root  = "../../.."
	chart = root + "/helm/bookstall"
	// Without a cluster, a Helm built by go install assumes a very old Kubernetes.
	kubeVersion = "--kube-version=1.34.0"
)

// tool returns the path of a program in .tools/bin, or skips the test.
func tool(t *testing.T, name string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIP (-short): runs Helm and other tools")
	}
	path, err := filepath.Abs(filepath.Join(root, ".tools", "bin", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("SKIP (counted): .tools/bin/%s is missing: make .tools/bin/%s", name, name)
	}
	return path
}

// command runs a program without the configuration of this machine's user.
func command(t *testing.T, stdin []byte, path string, args ...string) (stdout []byte, err error) {
	t.Helper()
	var out, complaint bytes.Buffer
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &complaint
	home := t.TempDir()
	cmd.Env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "KUBECONFIG=" + filepath.Join(home, "none")}
	if err := cmd.Run(); err != nil {
		return out.Bytes(), fmt.Errorf("%s: %w\n%s", filepath.Base(path), err, complaint.Bytes())
	}
	return out.Bytes(), nil
}

// render returns the manifests that helm (or helm3) renders from the chart.
func render(t *testing.T, helm string, args ...string) ([]byte, error) {
	t.Helper()
	all := []string{"template", "bookstall", chart, "--namespace=shop", kubeVersion}
	return command(t, nil, helm, append(all, args...)...)
}

// object is a manifest.
type object map[string]any

func (o object) kind() string { return o.text("kind") }
func (o object) name() string { return o.text("metadata", "name") }

// at returns the value at a path, nil if there is none.
func (o object) at(path ...string) any {
	var part any = map[string]any(o)
	for _, key := range path {
		fields, ok := part.(map[string]any)
		if !ok {
			return nil
		}
		part = fields[key]
	}
	return part
}

func (o object) text(path ...string) string { s, _ := o.at(path...).(string); return s }

// pod returns the pod, or the pod template, of an object. It is nil if there is none.
func (o object) pod() object {
	switch o.kind() {
	case "Deployment", "StatefulSet", "Job":
		pod, _ := o.at("spec", "template").(map[string]any)
		return pod
	case "CronJob":
		pod, _ := o.at("spec", "jobTemplate", "spec", "template").(map[string]any)
		return pod
	case "Pod":
		return o
	}
	return nil
}

func (o object) list(path ...string) []object {
	var objects []object
	items, _ := o.at(path...).([]any)
	for _, item := range items {
		objects = append(objects, item.(map[string]any))
	}
	return objects
}

func parse(t *testing.T, manifests []byte) []object {
	t.Helper()
	var objects []object
	decoder := yaml.NewDecoder(bytes.NewReader(manifests))
	for {
		var o map[string]any
		if err := decoder.Decode(&o); errors.Is(err, io.EOF) {
			return objects
		} else if err != nil {
			t.Fatal(err)
		}
		if len(o) > 0 {
			objects = append(objects, o)
		}
	}
}

// rendered returns the objects that helm renders from the chart.
func rendered(t *testing.T, args ...string) []object {
	t.Helper()
	out, err := render(t, tool(t, "helm"), args...)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, out)
}

// find returns the object of that kind and name.
func find(t *testing.T, objects []object, kind, name string) object {
	t.Helper()
	i := slices.IndexFunc(objects, func(o object) bool { return o.kind() == kind && o.name() == name })
	if i < 0 {
		t.Fatalf("no %s %s", kind, name)
	}
	return objects[i]
}

// sets returns the sets of values in testdata: for each, the arguments of helm.
func sets(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("testdata has %d sets of values, %v", len(files), err)
	}
	list := map[string][]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		args := []string{"--values=" + file}
		// API versions that a cluster for these values would have.
		for line := range strings.Lines(string(text)) {
			if version, ok := strings.CutPrefix(strings.TrimSpace(line), "# api-version: "); ok {
				args = append(args, "--api-versions="+version)
			}
		}
		list[strings.TrimSuffix(filepath.Base(file), ".yaml")] = args
	}
	return list
}
