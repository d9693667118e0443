{{- /* The store of recommendations. */ -}}

{{- define "bookstall.postgresql.name" -}}
{{- include "bookstall.fullname" . }}-postgresql
{{- end -}}

{{- /* Name of the Secret with the passwords of the trial database. */ -}}
{{- define "bookstall.postgresql.secretName" -}}
{{- default (include "bookstall.postgresql.name" .) .Values.postgresql.existingSecret -}}
{{- end -}}

{{- /* Name of the Secret with the URL of the store; empty without a store. */ -}}
{{- define "bookstall.storeSecret" -}}
{{- if .Values.postgresql.enabled -}}
{{- include "bookstall.postgresql.secretName" . -}}
{{- else -}}
{{- .Values.store.existingSecret -}}
{{- end -}}
{{- end -}}

{{- /* Key of the URL in that Secret. */ -}}
{{- define "bookstall.storeKey" -}}
{{- ternary "url" .Values.store.secretKey .Values.postgresql.enabled -}}
{{- end -}}

{{- define "bookstall.storeEnv" -}}
{{- $secret := include "bookstall.storeSecret" . -}}
{{- if and $secret .Values.store.asFile -}}
- name: RECOMMENDATIONS_STORE_FILE
  value: /etc/bookstall/store/url
{{- else if $secret -}}
- name: RECOMMENDATIONS_STORE
  valueFrom:
    secretKeyRef: {name: {{ $secret | toYaml }}, key: {{ include "bookstall.storeKey" . | toYaml }}}
{{- end -}}
{{- end -}}

{{- /* Not empty if the trial PostgreSQL runs with TLS: it has a certificate. */ -}}
{{- define "bookstall.postgresql.tls" -}}
{{- if and .Values.tls.enabled .Values.postgresql.enabled -}}
{{- include "bookstall.tls.secret" (list . "postgresql") -}}
{{- end -}}
{{- end -}}

{{- define "bookstall.storeMount" -}}
{{- if and (include "bookstall.storeSecret" .) .Values.store.asFile }}
- {name: store, mountPath: /etc/bookstall/store, readOnly: true}
{{- end }}
{{- if include "bookstall.postgresql.tls" . }}
- {name: store-ca, mountPath: /etc/bookstall/store-ca, readOnly: true}
{{- end }}
{{- end -}}

{{- /* Takes (list root component). */ -}}
{{- define "bookstall.storeVolume" -}}
{{- with index . 0 -}}
{{- if and (include "bookstall.storeSecret" .) .Values.store.asFile }}
- name: store
  secret:
    secretName: {{ include "bookstall.storeSecret" . | toYaml }}
    defaultMode: {{ include "bookstall.secretMode" $ }}
    items:
      - {key: {{ include "bookstall.storeKey" . | toYaml }}, path: url}
{{- end }}
{{- with include "bookstall.postgresql.tls" . }}
- name: store-ca
  secret:
    secretName: {{ . | toYaml }}
    defaultMode: {{ include "bookstall.secretMode" $ }}
    items:
      - {key: ca.crt, path: ca.crt}
{{- end }}
{{- end -}}
{{- end -}}

{{- /* Data of the Secret of the trial database, as JSON: the passwords that the cluster has,
otherwise new ones, the URL with the password of the programs' role, and the SQL that makes
that role in a new database. A database of an earlier chart has no other superuser than that
role, and its Secret stays as it is: another one would replace the pod. Empty without a cluster,
and kept for the same reason as in bookstall.marketplace.secretData. */ -}}
{{- define "bookstall.postgresql.secretData" -}}
{{- if not (hasKey .Values.postgresql "secretData") -}}
{{- $name := include "bookstall.postgresql.name" . -}}
{{- $old := dig "data" dict (lookup "v1" "Secret" .Release.Namespace $name | default dict) | default dict -}}
{{- $_ := set .Values.postgresql "secretData" dict -}}
{{- if include "bookstall.cluster" . -}}
{{- $password := get $old "password" | default (randAlphaNum 32 | b64enc) -}}
{{- $admin := get $old "admin-password" | default (randAlphaNum 32 | b64enc) -}}
{{- $sql := printf "CREATE ROLE bookstall LOGIN PASSWORD '%s';\n\nALTER DATABASE bookstall OWNER TO bookstall;\n\nALTER SCHEMA public OWNER TO bookstall;\n\n" (b64dec $password | replace "'" "''") -}}
{{- $host := printf "%s.%s.svc.%s." $name .Release.Namespace (trimSuffix "." .Values.clusterDomain) -}}
{{- $mode := ternary "verify-full&sslrootcert=/etc/bookstall/store-ca/ca.crt" "disable" (include "bookstall.postgresql.tls" . | not | not) -}}
{{- $url := printf "postgres://bookstall:%s@%s:5432/bookstall?sslmode=%s" (b64dec $password) $host $mode -}}
{{- $_ := set .Values.postgresql "secretData" (dict "password" $password "url" ($url | b64enc)) -}}
{{- if or (get $old "admin-password") (not (get $old "password")) -}}
{{- $_ := set .Values.postgresql.secretData "admin-password" $admin -}}
{{- $_ := set .Values.postgresql.secretData "role.sql" ($sql | b64enc) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson .Values.postgresql.secretData -}}
{{- end -}}

{{- /* Annotation that replaces the pods which use that Secret when it changes; none if the chart
does not know its data. */ -}}
{{- define "bookstall.postgresql.checksum" -}}
{{- if not .Values.postgresql.existingSecret -}}
{{- with include "bookstall.postgresql.secretData" . | fromJson -}}
checksum/config: {{ toJson . | sha256sum }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* Pod template of a Job; takes (list root job), where job is the name of the
component and of the command of recommendations: import or train. */ -}}
{{- define "bookstall.jobTemplate" -}}
{{- $root := index . 0 -}}
{{- $values := index $root.Values (index . 1) -}}
{{- include "bookstall.podTemplate" (dict "root" $root "component" (index . 1)
  "spec" "restartPolicy: Never"
  "container" (include "bookstall.jobContainer" .)
  "env" (printf "%s\n%s\n%s" (include "bookstall.storeEnv" $root) (include "bookstall.otlpEnv" $root) (include "bookstall.memoryEnv" $values.resources))
  "mounts" (include "bookstall.storeMount" $root)
  "volumes" (include "bookstall.storeVolume" .)) }}
{{- end -}}

{{- define "bookstall.jobContainer" -}}
{{- $job := index . 1 -}}
{{- $values := index (index . 0).Values $job -}}
{{ include "bookstall.programImage" (list (index . 0) "recommendations") }}
args:
  - {{ $job }}
  {{- range $values.args }}
  - {{ . | quote }}
  {{- end }}
{{- include "bookstall.resources" $values.resources }}
{{- end -}}
