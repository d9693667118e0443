{{- /* Names, labels and addresses. */ -}}

{{- define "bookstall.name" -}}
{{- /* Of a dependency with an alias, Chart.Name is the alias. */ -}}
{{- default .Chart.Name .Values.nameOverride | lower | replace "_" "-" | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- /* 38 characters leave room for "-recommendations-metrics" in the 63 of a name. The names of
a dependency with an alias always have the whole alias in them, or its hash: one release may have
several, and its name may contain those of two. */ -}}
{{- define "bookstall.fullname" -}}
{{- $name := include "bookstall.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 38 | trimSuffix "-" -}}
{{- else if and (not .Chart.IsRoot) (ne .Chart.Name "bookstall") (ne $name .Release.Name) -}}
{{- $full := printf "%s-%s" .Release.Name $name -}}
{{- if gt (len $full) 38 -}}
{{- $full = printf "%s-%s" ($full | trunc 31 | trimSuffix "-") ($full | sha256sum | trunc 6) -}}
{{- end -}}
{{- $full -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 38 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 38 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- /* Whether the cluster has a kind of the Prometheus operator: (list $ "ServiceMonitor"). `helm
template` is often told of the version alone; a cluster with the version may have one kind of two. */ -}}
{{- define "bookstall.monitoring" -}}
{{- $has := (index . 0).Capabilities.APIVersions -}}
{{- $version := "monitoring.coreos.com/v1" -}}
{{- $kinds := or ($has.Has (print $version "/ServiceMonitor")) ($has.Has (print $version "/PrometheusRule")) -}}
{{- if or ($has.Has (print $version "/" (index . 1))) (and ($has.Has $version) (not $kinds)) -}}true{{- end -}}
{{- end -}}

{{- /* Components that this release installs, as a JSON list. */ -}}
{{- define "bookstall.components" -}}
{{- $list := list -}}
{{- range list "marketplace" "recommendations" -}}
{{- if (index $.Values .).enabled -}}{{- $list = append $list . -}}{{- end -}}
{{- end -}}
{{- toJson $list -}}
{{- end -}}

{{- /* Labels that select all pods of the release. */ -}}
{{- define "bookstall.selector" -}}
app.kubernetes.io/name: {{ include "bookstall.name" . | toYaml }}
app.kubernetes.io/instance: {{ .Release.Name | toYaml }}
{{- end -}}

{{- define "bookstall.labels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: bookstall
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- /* Metadata of an object; takes (list root component-or-"" name-suffix), and then maybe
annotations and labels of its own. */ -}}
{{- define "bookstall.metadata" -}}
name: {{ compact (list (include "bookstall.fullname" (index . 0)) (index . 2)) | join "-" | toYaml }}
{{ include "bookstall.namedMetadata" . }}
{{- end -}}

{{- /* The same without the name. What selects pods stays as it is, whatever the values say. */ -}}
{{- define "bookstall.namedMetadata" -}}
{{- $root := index . 0 -}}
{{- $labels := include "bookstall.labels" $root | fromYaml -}}
{{- include "bookstall.overlay" (list $labels ($root.Values.commonLabels | default dict)) -}}
{{- if gt (len .) 4 -}}{{- include "bookstall.overlay" (list $labels (index . 4 | default dict)) -}}{{- end -}}
{{- include "bookstall.overlay" (list $labels (include "bookstall.selector" $root | fromYaml)) -}}
{{- with index . 1 -}}{{- $_ := set $labels "app.kubernetes.io/component" . -}}{{- end -}}
{{- $annotations := deepCopy ($root.Values.commonAnnotations | default dict) -}}
{{- if gt (len .) 3 -}}{{- include "bookstall.overlay" (list $annotations (index . 3 | default dict)) -}}{{- end -}}
namespace: {{ $root.Release.Namespace | toYaml }}
labels:
  {{- toYaml $labels | nindent 2 }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* Labels that select the pods of one component; takes (list root component). */ -}}
{{- define "bookstall.podSelector" -}}
{{ include "bookstall.selector" (index . 0) }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "bookstall.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "bookstall.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- /* Image reference; takes (list root component). */ -}}
{{- define "bookstall.image" -}}
{{- $root := index . 0 -}}
{{- $image := (index $root.Values (index . 1)).image -}}
{{- with $root.Values.image.registry | default (dig "imageRegistry" "" ($root.Values.global | default dict)) }}{{ trimSuffix "/" . }}/{{ end -}}
{{- include "bookstall.imageReference" (list $image (coalesce $image.tag $root.Values.image.tag $root.Chart.AppVersion)) -}}
{{- end -}}

{{- /* Image reference without image.registry; takes (list image tag). */ -}}
{{- define "bookstall.imageReference" -}}
{{- $image := index . 0 -}}
{{ $image.repository }}:{{ index . 1 }}{{ with $image.digest }}@{{ . }}{{ end }}
{{- end -}}

{{- /* gRPC target of recommendations. The dot before the port makes the name absolute:
without it, each lookup tries the search domains of the pod first. */ -}}
{{- define "bookstall.recommendations.target" -}}
{{- if .Values.marketplace.recommendationsTarget -}}
{{- .Values.marketplace.recommendationsTarget -}}
{{- else -}}
dns:///{{ include "bookstall.fullname" . }}-recommendations.{{ .Release.Namespace }}.svc.{{ trimSuffix "." .Values.clusterDomain }}.:50051
{{- end -}}
{{- end -}}

{{- /* Registry credentials, as YAML: the chart's, and those that a parent chart shares with all of
its dependencies, by name or as {name: …}. */ -}}
{{- define "bookstall.imagePullSecrets" -}}
{{- $secrets := .Values.imagePullSecrets | default list -}}
{{- range dig "imagePullSecrets" list (.Values.global | default dict) -}}
{{- $secrets = append $secrets (ternary (dict "name" .) . (kindIs "string" .)) -}}
{{- end -}}
{{- with uniq $secrets }}{{ toYaml . }}{{ end -}}
{{- end -}}

{{- /* Families of addresses of a Service; takes (list root values-of-the-Service). */ -}}
{{- define "bookstall.ipFamilies" -}}
{{- $root := index . 0 -}}
{{- $service := index . 1 | default dict -}}
{{- with coalesce $service.ipFamilyPolicy $root.Values.ipFamilyPolicy }}
ipFamilyPolicy: {{ . }}
{{- end }}
{{- with coalesce $service.ipFamilies $root.Values.ipFamilies }}
ipFamilies:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* Not empty if Helm can ask a cluster for what it has. Without one (helm template, lint,
--dry-run=client) nothing that is generated can be kept. A cluster has a list of Secrets, maybe
an empty one, for a namespace that is not there yet, too; Helm itself needs the right to see it,
for its releases. */ -}}
{{- define "bookstall.cluster" -}}
{{- if lookup "v1" "Secret" .Release.Namespace "" -}}
true
{{- end -}}
{{- end -}}

{{- /* Stands for a Secret that was not generated; takes (list its-name value-that-names-another). */ -}}
{{- define "bookstall.secretLater" -}}
# The Secret {{ index . 0 }} is not here: without a cluster to keep it in, each rendering
# would make another one. Create it (README.md lists its keys), or name yours: {{ index . 1 }}.
{{- end -}}
