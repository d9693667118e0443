{{- /* The parts of the Deployment of recommendations; see bookstall.deployment. */ -}}

{{- define "bookstall.recommendations.annotations" -}}
{{- if .Values.postgresql.enabled -}}
{{- include "bookstall.postgresql.checksum" . -}}
{{- end -}}
{{- end -}}

{{- define "bookstall.recommendations.env" -}}
{{- $values := .Values.recommendations -}}
{{- with include "bookstall.storeEnv" . }}
{{- . }}
{{- if not $.Values.store.demonstration }}
- name: RECOMMENDATIONS_DEMO
  value: "false"
{{- end }}
{{- if not $.Values.store.train }}
- name: RECOMMENDATIONS_TRAIN
  value: "false"
{{- end }}
{{ end -}}
- name: RECOMMENDATIONS_WORKERS
  value: {{ $values.workers | quote }}
- name: RECOMMENDATIONS_MAX_CALLS
  value: {{ $values.maxCalls | int | quote }}
- name: RECOMMENDATIONS_MAX_CONNECTION_AGE
  value: {{ $values.maxConnectionAge }}
- name: RECOMMENDATIONS_MAX_CONNECTION_AGE_GRACE
  value: {{ $values.maxConnectionAgeGrace }}
{{- if .Values.tls.enabled }}
{{ include "bookstall.tls.clientsEnv" . }}
{{- end }}
{{- end -}}

{{- define "bookstall.recommendations.ports" -}}
- {name: grpc, containerPort: 50051}
{{- if .Values.tls.enabled }}
- {name: health, containerPort: 50052}
{{- end }}
{{- end -}}

{{- /* The kubelet's gRPC probe has no TLS, so with TLS health has a port of its own. The
service is SERVING once the model is loaded. */ -}}
{{- define "bookstall.recommendations.probes" -}}
{{- $probes := .Values.recommendations.probes -}}
{{- $grpc := dict "port" (ternary 50052 50051 .Values.tls.enabled) "service" "recommendations.v1.RecommendationsService" -}}
startupProbe:
  {{- if include "bookstall.storeSecret" . }}
  # Does not check that the store is loaded: a restart would neither repair the
  # database nor load the model sooner.
  httpGet: {path: /livez, port: metrics}
  {{- else }}
  grpc:
    {{- toYaml $grpc | nindent 4 }}
  {{- end }}
  {{- toYaml $probes.startup | nindent 2 }}
readinessProbe:
  grpc:
    {{- toYaml $grpc | nindent 4 }}
  {{- toYaml $probes.readiness | nindent 2 }}
{{- end -}}

{{- define "bookstall.recommendations.mounts" -}}
{{ include "bookstall.storeMount" . }}
{{- if .Values.tls.enabled }}
{{ include "bookstall.tlsMount" . }}
{{- end }}
{{- end -}}

{{- define "bookstall.recommendations.volumes" -}}
{{ include "bookstall.storeVolume" (list . "recommendations") }}
{{- if .Values.tls.enabled }}
{{ include "bookstall.tlsVolume" (list . "recommendations") }}
{{- end }}
{{- end -}}
