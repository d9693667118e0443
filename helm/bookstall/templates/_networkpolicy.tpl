{{- /* Rules of the NetworkPolicies. */ -}}

{{- define "bookstall.networkPolicy.marketplace.ingress" -}}
- ports:
    - {port: 8080, protocol: TCP}
  {{- with .Values.networkPolicy.shopFrom }}
  from:
    {{- toYaml . | nindent 4 }}
    {{- if include "bookstall.helmTest.component" $ }}
    - podSelector:
        matchLabels:
          {{- include "bookstall.podSelector" (list $ "test") | nindent 10 }}
    {{- end }}
  {{- end }}
{{- end -}}

{{- define "bookstall.networkPolicy.marketplace.egress" -}}
- ports:
    - {port: {{ include "bookstall.recommendations.target" . | splitList ":" | last }}, protocol: TCP}
  {{- if .Values.networkPolicy.recommendationsTo }}
  to:
    {{- toYaml .Values.networkPolicy.recommendationsTo | nindent 4 }}
  {{- else if not .Values.marketplace.recommendationsTarget }}
  to:
    - podSelector:
        matchLabels:
          {{- include "bookstall.podSelector" (list . "recommendations") | nindent 10 }}
  {{- end }}
  {{- with include "bookstall.networkPolicy.otlpEgress" . }}
{{ . }}
  {{- end }}
{{- end -}}

{{- define "bookstall.networkPolicy.recommendations.ingress" -}}
- from:
    - podSelector:
        matchLabels:
          {{- include "bookstall.podSelector" (list . "marketplace") | nindent 10 }}
    {{- with .Values.networkPolicy.rpcFrom }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  ports:
    - {port: 50051, protocol: TCP}
{{- if eq (include "bookstall.helmTest.component" .) "recommendations" }}
- from:
    - podSelector:
        matchLabels:
          {{- include "bookstall.podSelector" (list . "test") | nindent 10 }}
  ports:
    - {port: {{ include "bookstall.helmTest.port" . }}, protocol: TCP}
{{- end }}
{{- end -}}

{{- define "bookstall.networkPolicy.recommendations.egress" -}}
{{- include "bookstall.networkPolicy.storeEgress" . }}
{{- with include "bookstall.networkPolicy.otlpEgress" . }}
{{ . }}
{{- end }}
{{- end -}}

{{- define "bookstall.networkPolicy.storeEgress" -}}
{{- if .Values.postgresql.enabled -}}
- ports:
    - {port: 5432, protocol: TCP}
  to:
    - podSelector:
        matchLabels:
          {{- include "bookstall.podSelector" (list . "postgresql") | nindent 10 }}
{{- else if .Values.store.existingSecret -}}
- ports:
    - {port: {{ .Values.networkPolicy.storePort }}, protocol: TCP}
  {{- with .Values.networkPolicy.storeTo }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
{{- end -}}

{{- define "bookstall.networkPolicy.otlpEgress" -}}
{{- with .Values.otlp.endpoint -}}
- ports:
    - {port: {{ regexFind "[0-9]+$" (trimSuffix "/" .) }}, protocol: TCP}
  {{- with $.Values.networkPolicy.otlpTo }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
{{- end -}}
