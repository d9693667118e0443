{{- /* Names, labels and addresses. */ -}}

{{- define "bookstall.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- /* 38 characters leave room for "-recommendations-metrics" in the 63 of a name. */ -}}
{{- define "bookstall.fullname" -}}
{{- $name := include "bookstall.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 38 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 38 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 38 | trimSuffix "-" -}}
{{- end -}}
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
app.kubernetes.io/name: {{ include "bookstall.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "bookstall.labels" -}}
{{ include "bookstall.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: bookstall
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- /* Metadata of an object; takes (list root component-or-"" name-suffix). */ -}}
{{- define "bookstall.metadata" -}}
{{- $root := index . 0 -}}
name: {{ include "bookstall.fullname" $root }}{{ with index . 2 }}-{{ . }}{{ end }}
namespace: {{ $root.Release.Namespace }}
labels:
  {{- include "bookstall.labels" $root | nindent 2 }}
  {{- with index . 1 }}
  app.kubernetes.io/component: {{ . }}
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
{{- with $root.Values.image.registry }}{{ trimSuffix "/" . }}/{{ end -}}
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
