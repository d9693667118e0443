{{- /* The pod of helm test. */ -}}

{{- /* Component that helm test calls: the shop if it is installed, otherwise
recommendations. Empty if tests are disabled. */ -}}
{{- define "bookstall.helmTest.component" -}}
{{- if .Values.tests.enabled -}}
{{- with include "bookstall.components" . | fromJsonArray }}{{ first . }}{{ end -}}
{{- end -}}
{{- end -}}

{{- /* Port of the pods of that component, which network policies must open. */ -}}
{{- define "bookstall.helmTest.port" -}}
{{- if .Values.marketplace.enabled -}}
8080
{{- else -}}
{{- ternary 50052 50051 .Values.tls.enabled -}}
{{- end -}}
{{- end -}}

{{- define "bookstall.helmTest.marketplace.args" -}}
{{- $expected := .Values.recommendations -}}
{{- $replicas := 1 -}}
{{- if $expected.enabled -}}
{{- $replicas = ternary $expected.autoscaling.minReplicas $expected.replicas $expected.autoscaling.enabled -}}
{{- end -}}
- check
- --shop=http://{{ include "bookstall.fullname" . }}-marketplace:{{ .Values.marketplace.service.port }}
- --replicas={{ max 1 $replicas }}
{{- end -}}

{{- define "bookstall.helmTest.recommendations.args" -}}
- healthcheck
- --address={{ include "bookstall.fullname" . }}-recommendations:{{ include "bookstall.helmTest.port" . }}
{{- end -}}

{{- /* Takes (list root component), where component is the one to call. */ -}}
{{- define "bookstall.helmTest.container" -}}
{{- $root := index . 0 -}}
{{ include "bookstall.programImage" . }}
args:
  {{- include (printf "bookstall.helmTest.%s.args" (index . 1)) $root | nindent 2 }}
{{- $resources := dict "requests" (dict "cpu" "10m" "memory" "32Mi" "ephemeral-storage" "16Mi") "limits" (dict "memory" "64Mi" "ephemeral-storage" "64Mi") }}
{{- include "bookstall.overlay" (list $resources ($root.Values.tests.resources | default dict)) }}
{{- include "bookstall.resources" $resources }}
{{- end -}}
