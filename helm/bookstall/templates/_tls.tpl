{{- /* Mutual TLS between the shop and recommendations. */ -}}

{{- /* Host name of a component; takes (list root component). */ -}}
{{- define "bookstall.tls.host" -}}
{{- $root := index . 0 -}}
{{ include "bookstall.fullname" $root }}-{{ index . 1 }}.{{ $root.Release.Namespace }}.svc.{{ trimSuffix "." $root.Values.clusterDomain }}
{{- end -}}

{{- /* SPIFFE ID of a component; takes (list root component). */ -}}
{{- define "bookstall.tls.id" -}}
{{- $root := index . 0 -}}
spiffe://{{ trimSuffix "." $root.Values.clusterDomain }}/ns/{{ $root.Release.Namespace }}/{{ include "bookstall.fullname" $root }}-{{ index . 1 }}
{{- end -}}

{{- /* Who may call recommendations. The default is the shop of this release, by the names that
the chart gives it. With one Secret for both programs, the shop presents the certificate of
recommendations. The names in a Secret of the shop's own, or of shops elsewhere, are not
known here: other clients are let through with a warning until tls.allowedClients names
them, so that an upgrade from a chart without it locks nobody out. */ -}}
{{- define "bookstall.tls.clientsEnv" -}}
{{- $tls := .Values.tls -}}
{{- $names := $tls.allowedClients -}}
{{- if not $names -}}
{{- $names = list (include "bookstall.tls.host" (list . "marketplace")) (include "bookstall.tls.id" (list . "marketplace")) -}}
{{- if and .Values.marketplace.enabled (not $tls.clientSecretName) -}}
{{- $names = append $names (default (include "bookstall.tls.host" (list . "recommendations")) $tls.serverName) -}}
{{- end -}}
{{- end -}}
- name: RECOMMENDATIONS_TLS_ALLOWED_CLIENTS
  value: {{ join "," $names | quote }}
{{- with $tls.allowedToRead }}
- name: RECOMMENDATIONS_TLS_ALLOWED_TO_READ
  value: {{ join "," . | quote }}
{{- end }}
{{- with $tls.allowedToWrite }}
- name: RECOMMENDATIONS_TLS_ALLOWED_TO_WRITE
  value: {{ join "," . | quote }}
{{- end }}
{{- if include "bookstall.tls.unknown" . }}
- name: RECOMMENDATIONS_TLS_UNKNOWN_CLIENTS
  value: warn
{{- end }}
{{- end -}}

{{- /* Not empty if the names of clients are not known. */ -}}
{{- define "bookstall.tls.unknown" -}}
{{- if and .Values.tls.enabled .Values.recommendations.enabled (not .Values.tls.allowedClients) (or .Values.tls.clientSecretName (not .Values.marketplace.enabled)) -}}
true
{{- end -}}
{{- end -}}
