{{- /* The store of recommendations. */ -}}

{{- define "bookstall.postgresql.name" -}}
{{- include "bookstall.fullname" . }}-postgresql
{{- end -}}

{{- /* Name of the Secret with the URL of the store; empty without a store. */ -}}
{{- define "bookstall.storeSecret" -}}
{{- if .Values.postgresql.enabled -}}
{{- include "bookstall.postgresql.name" . -}}
{{- else -}}
{{- .Values.store.existingSecret -}}
{{- end -}}
{{- end -}}

{{- define "bookstall.storeEnv" -}}
{{- with include "bookstall.storeSecret" . -}}
- name: RECOMMENDATIONS_STORE
  valueFrom:
    secretKeyRef: {name: {{ . }}, key: {{ ternary "url" $.Values.store.secretKey $.Values.postgresql.enabled }}}
{{- end -}}
{{- end -}}

{{- /* Data of the Secret of the trial database, as JSON: the passwords that the cluster has,
otherwise new ones, the URL with the password of the programs' role, and the SQL that makes
that role in a new database. A database of an earlier chart has no other superuser than that
role, and its Secret stays as it is: another one would replace the pod. The result is kept for
the same reason as in bookstall.marketplace.secretData. */ -}}
{{- define "bookstall.postgresql.secretData" -}}
{{- if not (hasKey .Values.postgresql "secretData") -}}
{{- $name := include "bookstall.postgresql.name" . -}}
{{- $old := dig "data" dict (lookup "v1" "Secret" .Release.Namespace $name | default dict) | default dict -}}
{{- $password := get $old "password" | default (randAlphaNum 32 | b64enc) -}}
{{- $admin := get $old "admin-password" | default (randAlphaNum 32 | b64enc) -}}
{{- $sql := printf "CREATE ROLE bookstall LOGIN PASSWORD '%s';\n\nALTER DATABASE bookstall OWNER TO bookstall;\n\nALTER SCHEMA public OWNER TO bookstall;\n\n" (b64dec $password | replace "'" "''") -}}
{{- $host := printf "%s.%s.svc.%s." $name .Release.Namespace (trimSuffix "." .Values.clusterDomain) -}}
{{- $url := printf "postgres://bookstall:%s@%s:5432/bookstall?sslmode=disable" (b64dec $password) $host -}}
{{- $_ := set .Values.postgresql "secretData" (dict "password" $password "url" ($url | b64enc)) -}}
{{- if or (get $old "admin-password") (not (get $old "password")) -}}
{{- $_ := set .Values.postgresql.secretData "admin-password" $admin -}}
{{- $_ := set .Values.postgresql.secretData "role.sql" ($sql | b64enc) -}}
{{- end -}}
{{- end -}}
{{- toJson .Values.postgresql.secretData -}}
{{- end -}}

{{- /* Pod template of a Job; takes (list root job), where job is the name of the
component and of the command of recommendations: import or train. */ -}}
{{- define "bookstall.jobTemplate" -}}
{{- $root := index . 0 -}}
{{- $job := index . 1 -}}
{{- $values := index $root.Values $job -}}
metadata:
  labels:
    {{- include "bookstall.podSelector" (list $root $job) | nindent 4 }}
spec:
  {{- include "bookstall.podSpec" $root | nindent 2 }}
  restartPolicy: Never
  {{- with include "bookstall.placement" $root.Values.recommendations | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  containers:
    - name: {{ $job }}
      {{- include "bookstall.container" (list $root "recommendations") | nindent 6 }}
      args:
        - {{ $job }}
        {{- range $values.args }}
        - {{ . | quote }}
        {{- end }}
      env:
        {{- include "bookstall.storeEnv" $root | nindent 8 }}
        {{- with include "bookstall.memoryEnv" $values.resources }}
        {{- . | nindent 8 }}
        {{- end }}
      {{- with $values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.extraVolumeMounts }}
      volumeMounts:
        {{- toYaml . | nindent 8 }}
      {{- end }}
  {{- with $values.extraVolumes }}
  volumes:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
