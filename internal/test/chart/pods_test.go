package chart

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// components are the kinds of pods, by the key of their values.
func components() map[string]string {
	return map[string]string{
		"marketplace": "Deployment", "recommendations": "Deployment", "postgresql": "StatefulSet",
		"import": "Job", "train": "CronJob", "tests": "Pod",
	}
}

// podSettings maps each setting of pods to its value with a mark in it, and to where in the pod
// it is found.
func podSettings(mark string) map[string]struct {
	value any
	at    string
} {
	type setting = struct {
		value any
		at    string
	}
	return map[string]setting{
		"podAnnotations":      {object{"example.com/" + mark: "x"}, "metadata.annotations"},
		"podLabels":           {object{"example.com/" + mark: "x"}, "metadata.labels"},
		"extraInitContainers": {[]object{{"name": mark, "image": "x"}}, "spec.initContainers"},
		"extraEnv":            {[]object{{"name": mark, "value": "x"}}, "container.env"},
		"extraVolumes":        {[]object{{"name": mark, "emptyDir": object{}}}, "spec.volumes"},
		"extraVolumeMounts":   {[]object{{"name": mark, "mountPath": "/" + mark}}, "container.volumeMounts"},
		"podSecurityContext":  {object{"seLinuxOptions": object{"level": mark}}, "spec.securityContext"},
		"securityContext":     {object{"seLinuxOptions": object{"level": mark}}, "container.securityContext"},
		"nodeSelector":        {object{mark: "x"}, "spec.nodeSelector"},
		"tolerations":         {[]object{{"key": mark}}, "spec.tolerations"},
		"affinity":            {object{"nodeAffinity": object{mark: "x"}}, "spec.affinity"},
		"priorityClassName":   {mark, "spec.priorityClassName"},
		"topologySpreadConstraints": {
			[]object{{"topologyKey": mark, "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}}, "spec.topologySpreadConstraints",
		},
	}
}

// podsByValues returns the pods of a rendering, by the key of their values.
func podsByValues(t *testing.T, args ...string) map[string]object {
	t.Helper()
	found := map[string]object{}
	for _, o := range rendered(t, append(slices.Clone(sets(t)["trial"]), args...)...) {
		pod := o.pod()
		if pod == nil {
			continue
		}
		labels, _ := pod.at("metadata", "labels").(map[string]any)
		component, _ := labels["app.kubernetes.io/component"].(string)
		if component == "test" {
			component = "tests"
		}
		if components()[component] != o.kind() || found[component] != nil {
			t.Errorf("%s is a %s, or there are two", component, o.kind())
		}
		found[component] = pod
	}
	if len(found) != len(components()) {
		t.Fatalf("pods of %v", slices.Sorted(maps.Keys(found)))
	}
	return found
}

// part returns what is at a path of a pod, or of its container.
func part(pod object, path string) any {
	if rest, ok := strings.CutPrefix(path, "container."); ok {
		return pod.list("spec", "containers")[0].at(strings.Split(rest, ".")...)
	}
	return pod.at(strings.Split(path, ".")...)
}

// Each setting of pods reaches each kind of pod: for all of them, for one alone, and for the jobs
// of recommendations with its Deployment.
func TestEveryPodTakesTheSameSettings(t *testing.T) {
	const mark = "marked"
	for _, level := range append(slices.Collect(maps.Keys(components())), "") {
		t.Run("values of "+level, func(t *testing.T) {
			t.Parallel()
			var args []string
			for name, s := range podSettings(mark) {
				args = append(args, fmt.Sprintf("--set-json=%s=%s", strings.TrimPrefix(level+"."+name, "."), compact(t, s.value)))
			}
			for component, pod := range podsByValues(t, args...) {
				for name, s := range podSettings(mark) {
					want := level == "" || level == component
					switch {
					case level == "recommendations" && (component == "import" || component == "train"):
						want = name != "topologySpreadConstraints"
					case level == "marketplace" && component == "tests":
						want = slices.Contains([]string{"nodeSelector", "tolerations", "affinity", "priorityClassName"}, name)
					}
					if got := strings.Contains(compact(t, part(pod, s.at)), mark); got != want {
						t.Errorf("%s: %s: got it: %v, want %v: %s", component, name, got, want, compact(t, part(pod, s.at)))
					}
				}
			}
		})
	}
}

// A setting of one kind of pod wins over that of its program, which wins over that of all pods,
// and nothing is there twice: Helm 4 applies on the server, which refuses that.
func TestTheNearestSettingWins(t *testing.T) {
	var args []string
	for _, level := range []string{"", "recommendations.", "train."} {
		value := "wide" + strings.TrimSuffix(level, ".")
		for name, v := range map[string]any{
			"podAnnotations": object{"a": value}, "podLabels": object{"a": value, "app.kubernetes.io/name": value},
			"extraEnv":           []object{{"name": "OTEL_A", "value": value}, {"name": "GOMEMLIMIT", "value": value}},
			"extraVolumes":       []object{{"name": "a", "secret": object{"secretName": value}}},
			"extraVolumeMounts":  []object{{"name": "a", "mountPath": "/a", "subPath": value}},
			"podSecurityContext": object{"seLinuxOptions": object{"user": "u", "level": value}}, "priorityClassName": value,
		} {
			args = append(args, "--set-json="+level+name+"="+compact(t, v))
		}
	}
	for component, want := range map[string]string{"marketplace": "wide", "recommendations": "widerecommendations", "import": "widerecommendations", "train": "widetrain"} {
		pod := podsByValues(t, args...)[component]
		for path, count := range map[string]int{
			"metadata.annotations": 1, "metadata.labels": 1, "container.env": 2, "spec.volumes": 1, "container.volumeMounts": 1,
			"spec.securityContext": 1, "spec.priorityClassName": 1,
		} {
			quoted := `"` + want + `"`
			if path == "spec.priorityClassName" {
				quoted = want
			}
			text := compact(t, part(pod, path))
			if strings.Count(text, quoted) != count || strings.Count(text, "wide") != count {
				t.Errorf("%s: %s: want %d times %s and no other: %s", component, path, count, quoted, text)
			}
		}
		if labels := pod.at("metadata", "labels").(map[string]any); labels["app.kubernetes.io/name"] != "bookstall" {
			t.Errorf("%s: a label that Services select by was replaced: %v", component, labels)
		}
	}
}

// Where the platform gives user and groups, as OpenShift does, no pod asks for its own, and each
// can read its Secrets. The rest of the restricted standard stays.
func TestThePlatformGivesTheUser(t *testing.T) {
	const files = "marketplace.apiTokensSecret=x,store.asFile=true,tls.enabled=true,tls.secretName=x"
	for none, mode := range map[string]int{`null`: 0o444, `""`: 0o444, `1000680000`: 0o440} {
		args := []string{"--set=" + files}
		for _, id := range []string{"runAsUser", "runAsGroup", "fsGroup"} {
			args = append(args, "--set-json=podSecurityContext."+id+"="+none)
		}
		secrets := 0
		for component, pod := range podsByValues(t, args...) {
			want := map[string]any{
				"runAsNonRoot": true, "fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": map[string]any{"type": "RuntimeDefault"},
			}
			if mode == 0o440 {
				want["runAsUser"], want["runAsGroup"], want["fsGroup"] = 1000680000, 1000680000, 1000680000
			}
			if diff := cmp.Diff(want, pod.at("spec", "securityContext")); diff != "" {
				t.Errorf("%s, ids %s: %s", component, none, diff)
			}
			for _, v := range pod.list("spec", "volumes") {
				if v["secret"] == nil {
					continue
				}
				secrets++
				if got := v.at("secret", "defaultMode"); got != mode {
					t.Errorf("%s, ids %s: volume %s has mode %#o, want %#o", component, none, v.text("name"), got, mode)
				}
			}
		}
		if secrets < 8 {
			t.Errorf("%d volumes with Secrets", secrets)
		}
	}
}

// Labels and annotations for all objects are on all objects and all pods, and select nothing.
func TestCommonLabelsAndAnnotations(t *testing.T) {
	args := append(slices.Clone(sets(t)["production"]), "--set=postgresql.enabled=true,import.enabled=true,import.args={x},train.enabled=true",
		"--set=commonLabels.team=books,commonAnnotations.owner=shelf", `--set-json=commonLabels.app\.kubernetes\.io/name="other"`)
	kinds := map[string]bool{}
	for _, o := range rendered(t, args...) {
		kinds[o.kind()] = true
		for name, meta := range map[string]object{"object": o, "pod": o.pod()} {
			if meta != nil && (meta.text("metadata", "labels", "team") != "books" || meta.text("metadata", "annotations", "owner") != "shelf") {
				t.Errorf("%s %s: the %s has %v", o.kind(), o.name(), name, meta["metadata"])
			}
		}
		spec := compact(t, o["spec"])
		if pod := o.pod(); pod != nil {
			spec = strings.ReplaceAll(spec, compact(t, pod["metadata"]), "")
		}
		if strings.Contains(spec, `"team"`) || strings.Contains(compact(t, o), `"other"`) {
			t.Errorf("%s %s selects by it, or has another name: %s", o.kind(), o.name(), spec)
		}
	}
	if len(kinds) < 13 {
		t.Errorf("%d kinds of objects: %v", len(kinds), slices.Sorted(maps.Keys(kinds)))
	}
}

func TestServicesTakeAddressFamilies(t *testing.T) {
	args := append(slices.Clone(sets(t)["production"]), "--set=postgresql.enabled=true,ipFamilyPolicy=PreferDualStack,ipFamilies={IPv6,IPv4}",
		"--set=recommendations.service.ipFamilyPolicy=SingleStack,recommendations.service.ipFamilies={IPv6}")
	n := 0
	for _, o := range rendered(t, args...) {
		if o.kind() != "Service" {
			continue
		}
		n++
		want := []any{"PreferDualStack", []any{"IPv6", "IPv4"}}
		if strings.HasSuffix(o.name(), "-recommendations") {
			want = []any{"SingleStack", []any{"IPv6"}}
		}
		if diff := cmp.Diff(want, []any{o.at("spec", "ipFamilyPolicy"), o.at("spec", "ipFamilies")}); diff != "" {
			t.Errorf("%s: %s", o.name(), diff)
		}
	}
	if n != 5 {
		t.Errorf("%d Services", n)
	}
}

// An earlier image does not know --log-format: the chart sets it only if it has to.
func TestLogFormat(t *testing.T) {
	for format, want := range map[string]string{"json": "", "text": "text"} {
		objects := rendered(t, fmt.Sprintf("--set=marketplace.logFormat=%s,recommendations.logFormat=%s", format, format))
		for _, program := range []string{"marketplace", "recommendations"} {
			c := find(t, objects, "Deployment", "bookstall-"+program).pod().list("spec", "containers")[0]
			if got := variable(c, strings.ToUpper(program)+"_LOG_FORMAT"); got != want {
				t.Errorf("%s: %q, want %q", program, got, want)
			}
		}
	}
}
