{{- /* Mutual TLS between the shop and recommendations. */ -}}

{{- /* Name of the issuer of cert-manager; empty if there is none. The values of charts before
0.2.0 have no certManager. */ -}}
{{- define "bookstall.tls.issuer" -}}
{{- dig "certManager" "issuerRef" "name" "" .Values.tls -}}
{{- end -}}

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
{{- if and .Values.marketplace.enabled $tls.secretName (not $tls.clientSecretName) -}}
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
{{- if and .Values.tls.enabled .Values.recommendations.enabled .Values.tls.secretName (not .Values.tls.allowedClients) (or .Values.tls.clientSecretName (not .Values.marketplace.enabled)) -}}
true
{{- end -}}
{{- end -}}

{{- /* Components with a certificate, as a JSON list: the programs, and the trial PostgreSQL
if it runs with TLS. */ -}}
{{- define "bookstall.tls.components" -}}
{{- $list := include "bookstall.components" . | fromJsonArray -}}
{{- if include "bookstall.postgresql.tls" . -}}{{- $list = append $list "postgresql" -}}{{- end -}}
{{- toJson $list -}}
{{- end -}}

{{- /* DNS names in the certificate of a component, as a JSON list; takes (list root component).
People's URLs may have any name of the Service of the trial PostgreSQL. */ -}}
{{- define "bookstall.tls.names" -}}
{{- $root := index . 0 -}}
{{- $host := include "bookstall.tls.host" . -}}
{{- $names := list $host -}}
{{- if and (eq (index . 1) "recommendations") $root.Values.tls.serverName -}}
{{- $names = append $names $root.Values.tls.serverName -}}
{{- else if eq (index . 1) "postgresql" -}}
{{- $name := include "bookstall.postgresql.name" $root -}}
{{- $namespaced := printf "%s.%s" $name $root.Release.Namespace -}}
{{- $names = append $names (print $namespaced ".svc") -}}
{{- $names = append $names $namespaced -}}
{{- $names = append $names $name -}}
{{- end -}}
{{- toJson $names -}}
{{- end -}}

{{- /* Name of the Secret with the certificate of a component; takes (list root component). Empty
for a trial PostgreSQL that has none. */ -}}
{{- define "bookstall.tls.secret" -}}
{{- $root := index . 0 -}}
{{- $tls := $root.Values.tls -}}
{{- if and $tls.secretName (eq (index . 1) "postgresql") -}}
{{- $tls.postgresqlSecretName -}}
{{- else if not $tls.secretName -}}
{{- include "bookstall.fullname" $root }}-{{ index . 1 }}-tls
{{- else if eq (index . 1) "marketplace" -}}
{{- default $tls.secretName $tls.clientSecretName -}}
{{- else -}}
{{- $tls.secretName -}}
{{- end -}}
{{- end -}}

{{- /* Data of the Secrets of all components, as JSON: what the cluster has, or if one is
missing, new certificates of a new CA, whose key is not kept. The result is kept for the same reason as
in bookstall.marketplace.secretData. */ -}}
{{- define "bookstall.tls.generated" -}}
{{- if not (hasKey .Values.tls "data") -}}
{{- $data := dict -}}
{{- $bundles := list -}}
{{- range $component := list "marketplace" "recommendations" "postgresql" -}}
{{- $name := include "bookstall.tls.secret" (list $ $component) -}}
{{- $old := dig "data" dict (lookup "v1" "Secret" $.Release.Namespace $name | default dict) | default dict -}}
{{- $_ := set $data $component $old -}}
{{- if has $component (include "bookstall.tls.components" $ | fromJsonArray) -}}
{{- $bundles = append $bundles (get $old "ca.crt" | default "") -}}
{{- end -}}
{{- end -}}
{{- if or (has "" $bundles) (gt (len (uniq $bundles)) 1) -}}
{{- $days := 3650 -}}
{{- $ca := genCAWithKey (printf "%s CA" (include "bookstall.fullname" .)) $days (genPrivateKey "ecdsa") -}}
{{- range $component := include "bookstall.tls.components" . | fromJsonArray -}}
{{- $hosts := include "bookstall.tls.names" (list $ $component) | fromJsonArray -}}
{{- $cert := genSignedCertWithKey (first $hosts | trunc 64) nil $hosts $days $ca (genPrivateKey "ecdsa") -}}
{{- $_ := set $data $component (dict "tls.crt" ($cert.Cert | b64enc) "tls.key" ($cert.Key | b64enc) "ca.crt" ($ca.Cert | b64enc)) -}}
{{- end -}}
{{- end -}}
{{- $_ := set .Values.tls "data" $data -}}
{{- end -}}
{{- toJson .Values.tls.data -}}
{{- end -}}
