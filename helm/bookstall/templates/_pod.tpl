{{- /* What all pods of the release share: those of the Deployments, the Job, the CronJob, the
StatefulSet and helm test. */ -}}

{{- /* Settings of the pods of one component, as JSON; takes (list root component). Those of all
pods come first, then those of the program that the component runs, then its own. Maps are
merged; a later item of a list replaces an earlier one of the same name; other settings are
replaced. A field of a security context that is null or "" is left out. */ -}}
{{- define "bookstall.podValues" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- $layers := list $root.Values -}}
{{- if has $component (list "import" "train") -}}
{{- /* Its constraints would select the Deployment's pods. */ -}}
{{- $layers = append $layers (omit $root.Values.recommendations "topologySpreadConstraints") -}}
{{- end -}}
{{- if eq $component "test" -}}
{{- $layers = append $layers (pick (index $root.Values (include "bookstall.helmTest.component" $root)) "nodeSelector" "tolerations" "affinity" "priorityClassName") -}}
{{- end -}}
{{- $layers = append $layers (index $root.Values (ternary "tests" $component (eq $component "test"))) -}}
{{- $out := include "bookstall.security" $root | fromYaml -}}
{{- range $layer := $layers -}}
{{- range $key := list "podAnnotations" "podLabels" "nodeSelector" "podSecurityContext" "securityContext" -}}
{{- include "bookstall.overlay" (list $out (dict $key (get $layer $key | default dict))) -}}
{{- end -}}
{{- range $key := list "affinity" "topologySpreadConstraints" "priorityClassName" -}}
{{- with get $layer $key -}}{{- $_ := set $out $key . -}}{{- end -}}
{{- end -}}
{{- with get $layer "tolerations" -}}{{- $_ := set $out "tolerations" (concat ($out.tolerations | default list) .) -}}{{- end -}}
{{- range $key, $id := dict "extraInitContainers" "name" "extraEnv" "name" "extraVolumes" "name" "extraVolumeMounts" "mountPath" -}}
{{- range $item := get $layer $key | default list -}}
{{- $_ := set $out $key (append (include "bookstall.without" (list (get $out $key | default list) $id (list $item)) | fromJsonArray) $item) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range list "runAsUser" "runAsGroup" "fsGroup" -}}
{{- if eq (get $out.podSecurityContext . | toString) "" -}}{{- $_ := unset $out.podSecurityContext . -}}{{- end -}}
{{- end -}}
{{- toJson $out -}}
{{- end -}}

{{- /* Security contexts that meet the Pod Security Standard restricted, and more. */ -}}
{{- define "bookstall.security" -}}
podSecurityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
  {{- with .Values.appArmorProfile }}
  appArmorProfile:
    {{- toYaml . | nindent 4 }}
  {{- end }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{- /* Sets the fields of a map in another one, at any depth, and removes those that are null;
takes (list map fields). */ -}}
{{- define "bookstall.overlay" -}}
{{- $map := index . 0 -}}
{{- range $key, $value := index . 1 -}}
{{- if kindIs "invalid" $value -}}
{{- $_ := unset $map $key -}}
{{- else if kindIs "map" $value -}}
{{- if not (kindIs "map" (get $map $key)) -}}{{- $_ := set $map $key dict -}}{{- end -}}
{{- include "bookstall.overlay" (list (get $map $key) $value) -}}
{{- else -}}
{{- $_ := set $map $key $value -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* A list without the items whose key has the same value as one of others, as JSON; takes
(list items key others). */ -}}
{{- define "bookstall.without" -}}
{{- $key := index . 1 -}}
{{- $taken := list -}}
{{- range index . 2 -}}{{- $taken = append $taken (get . $key) -}}{{- end -}}
{{- $kept := list -}}
{{- range index . 0 -}}
{{- if not (has (get . $key) $taken) -}}{{- $kept = append $kept . -}}{{- end -}}
{{- end -}}
{{- toJson $kept -}}
{{- end -}}

{{- /* Labels of pods; takes (list root component). There is no version among them: a new
version of the chart alone must not replace pods. */ -}}
{{- define "bookstall.podLabels" -}}
{{- $labels := deepCopy ((index . 0).Values.commonLabels | default dict) -}}
{{- include "bookstall.overlay" (list $labels (get (include "bookstall.podValues" . | fromJson) "podLabels")) -}}
{{- include "bookstall.overlay" (list $labels (include "bookstall.podSelector" . | fromYaml)) -}}
{{- toYaml $labels -}}
{{- end -}}

{{- /* Annotations of pods, maybe none; takes (list root component annotations), where the last
are the chart's own, as YAML. */ -}}
{{- define "bookstall.podAnnotations" -}}
{{- $annotations := deepCopy ((index . 0).Values.commonAnnotations | default dict) -}}
{{- include "bookstall.overlay" (list $annotations (get (include "bookstall.podValues" . | fromJson) "podAnnotations")) -}}
{{- include "bookstall.overlay" (list $annotations (index . 2 | fromYaml)) -}}
{{- with $annotations }}{{ toYaml . }}{{ end -}}
{{- end -}}

{{- /* Pod template; takes a dict as bookstall.podSpec does, with annotations besides. */ -}}
{{- define "bookstall.podTemplate" -}}
metadata:
  labels:
    {{- include "bookstall.podLabels" (list .root .component) | nindent 4 }}
  {{- with include "bookstall.podAnnotations" (list .root .component (.annotations | default "")) }}
  annotations:
    {{- . | nindent 4 }}
  {{- end }}
spec:
  {{- include "bookstall.podSpec" . | nindent 2 }}
{{- end -}}

{{- /* Pod with one container; takes a dict with root, component, and, as YAML, the chart's own
pod fields (spec), container fields (container), and items of init containers (init), env, mounts and volumes. */ -}}
{{- define "bookstall.podSpec" -}}
{{- $values := include "bookstall.podValues" (list .root .component) | fromJson -}}
serviceAccountName: {{ include "bookstall.serviceAccount" .root | toYaml }}
automountServiceAccountToken: false
# The programs refuse variables that they do not know; Kubernetes would make
# MARKETPLACE_PORT and the like from Services of that name.
enableServiceLinks: false
{{- if kindIs "bool" .root.Values.hostUsers }}
hostUsers: {{ .root.Values.hostUsers }}
{{- end }}
{{- with include "bookstall.imagePullSecrets" .root }}
imagePullSecrets:
  {{- . | nindent 2 }}
{{- end }}
{{- range $key := list "priorityClassName" "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" }}
{{- with get $values $key }}
{{ toYaml (dict $key .) }}
{{- end }}
{{- end }}
securityContext:
  {{- toYaml $values.podSecurityContext | nindent 2 }}
{{- with .spec }}
{{ . }}
{{- end }}
{{- with concat (.init | default "" | fromYamlArray) ($values.extraInitContainers | default list) }}
initContainers:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  - name: {{ .name | default .component }}
    {{- .container | nindent 4 }}
    securityContext:
      {{- toYaml $values.securityContext | nindent 6 }}
    {{- $env := include "bookstall.without" (list (.env | default "" | fromYamlArray) "name" ($values.extraEnv | default list)) | fromJsonArray }}
    {{- with concat $env ($values.extraEnv | default list) }}
    env:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with concat (.mounts | default "" | fromYamlArray) ($values.extraVolumeMounts | default list) }}
    volumeMounts:
      {{- toYaml . | nindent 6 }}
    {{- end }}
{{- with concat (.volumes | default "" | fromYamlArray) ($values.extraVolumes | default list) }}
volumes:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* Mode of the files of a Secret in a pod of a component; takes (list root component). Where
the pod has no group for its volumes, the files belong to root, whose group it may not have. */ -}}
{{- define "bookstall.secretMode" -}}
{{- ternary "0440" "0444" (hasKey (include "bookstall.podValues" . | fromJson).podSecurityContext "fsGroup") -}}
{{- end -}}
