{{- /* The parts of the pod of the trial database. */ -}}

{{- define "bookstall.postgresql.container" -}}
{{- $values := .Values.postgresql -}}
{{- $tls := include "bookstall.postgresql.tls" . -}}
{{- $settings := dict -}}
{{- if $tls -}}
{{- $file := "/var/run/bookstall/server.pem" -}}
{{- $settings = dict "ssl" "on" "ssl_cert_file" $file "ssl_key_file" $file "ssl_min_protocol_version" "TLSv1.3" "hba_file" "/var/run/bookstall/pg_hba.conf" -}}
{{- end -}}
{{ include "bookstall.postgresql.image" . }}
{{- with merge (dict) ($values.settings | default dict) $settings }}
args:
  {{- range $name, $value := . }}
  - -c
  - {{ printf "%s=%v" $name $value | quote }}
  {{- end }}
{{- end }}
ports:
  - {name: postgresql, containerPort: 5432}
# Startup and readiness: it accepts connections over TCP, so initialisation or
# recovery is complete. Liveness: it listens.
startupProbe:
  exec: {command: [pg_isready, --host=127.0.0.1, --username=bookstall, --quiet]}
  periodSeconds: 1
  timeoutSeconds: 3
  failureThreshold: 300
readinessProbe:
  {{- if $tls }}
  # It also gives the server a renewed certificate.
  exec:
    command:
      - /bin/sh
      - -c
      - |
        {{- include "bookstall.postgresql.certificate" . | nindent 8 }}
        exec pg_isready --host=127.0.0.1 --username=bookstall --quiet
  {{- else }}
  exec: {command: [pg_isready, --host=127.0.0.1, --username=bookstall, --quiet]}
  {{- end }}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
livenessProbe:
  tcpSocket: {port: postgresql}
  periodSeconds: 10
  timeoutSeconds: 3
  failureThreshold: 3
{{- include "bookstall.resources" $values.resources }}
{{- end -}}

{{- define "bookstall.postgresql.image" -}}
image: {{ include "bookstall.imageReference" (list .Values.postgresql.image .Values.postgresql.image.tag) }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end -}}

{{- /* Shell commands that copy the certificate, if it is another, and have the server read it.
PostgreSQL refuses a key that others may read, as they may in a volume where the platform
chooses the user, and it reads certificates at its start and on SIGHUP only. One file, so that
certificate and key are replaced together. */ -}}
{{- define "bookstall.postgresql.certificate" -}}
cd /var/run/bookstall && umask 077 &&
new=$(cat /etc/bookstall/tls/tls.key && echo && cat /etc/bookstall/tls/tls.crt) &&
if [ "$new" != "$(cat server.pem 2>/dev/null)" ]; then
  printf '%s\n' "$new" >server.new && mv server.new server.pem &&
  if [ -e "$PGDATA/postmaster.pid" ]; then
    read -r pid <"$PGDATA/postmaster.pid" && kill -HUP "$pid"
  fi
fi
{{- end -}}

{{- /* The init container of a server with TLS: its certificate, and a pg_hba.conf that admits no
connection without TLS. That of the data stays as it is, for the day TLS is turned off. */ -}}
{{- define "bookstall.postgresql.init" -}}
{{- if include "bookstall.postgresql.tls" . -}}
- name: certificate
  {{- include "bookstall.postgresql.image" . | nindent 2 }}
  command:
    - /bin/sh
    - -ec
    - |
      {{- include "bookstall.postgresql.certificate" . | nindent 6 }}
      # local: within this container
      printf '%s\n' 'local all all trust' 'hostssl all all all scram-sha-256' >pg_hba.conf
  {{- with .Values.postgresql.resources }}
  resources:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- toYaml (include "bookstall.podValues" (list . "postgresql") | fromJson).securityContext | nindent 4 }}
  volumeMounts:
    {{- include "bookstall.postgresql.tlsMounts" . | nindent 4 }}
{{- end -}}
{{- end -}}

{{- define "bookstall.postgresql.tlsMounts" -}}
{{- if include "bookstall.postgresql.tls" . -}}
{{ include "bookstall.tlsMount" . }}
- {name: server-tls, mountPath: /var/run/bookstall}
{{- end -}}
{{- end -}}

{{- /* Takes (list root role): whether the programs have a role of their own. The superuser, which
they do not use then, has the other password. */ -}}
{{- define "bookstall.postgresql.env" -}}
{{- $role := index . 1 -}}
- {name: POSTGRES_USER, value: {{ ternary "postgres" "bookstall" $role }}}
- {name: POSTGRES_DB, value: bookstall}
- name: POSTGRES_PASSWORD
  valueFrom:
    secretKeyRef: {name: {{ include "bookstall.postgresql.secretName" (index . 0) | toYaml }}, key: {{ ternary "admin-password" "password" $role }}}
{{- /* A subdirectory: the root of a volume may contain lost+found. */}}
- {name: PGDATA, value: /var/lib/postgresql/data/pgdata}
{{- end -}}

{{- /* Takes (list root role). */ -}}
{{- define "bookstall.postgresql.mounts" -}}
- {name: data, mountPath: /var/lib/postgresql/data}
{{- if index . 1 }}
{{- /* Run once, in a new database. */}}
- {name: role, mountPath: /docker-entrypoint-initdb.d, readOnly: true}
{{- end }}
- {name: run, mountPath: /var/run/postgresql}
- {name: tmp, mountPath: /tmp}
{{ include "bookstall.postgresql.tlsMounts" (index . 0) }}
{{- end -}}

{{- /* Takes (list root role). */ -}}
{{- define "bookstall.postgresql.volumes" -}}
{{- $root := index . 0 -}}
{{- if index . 1 -}}
- name: role
  secret:
    secretName: {{ include "bookstall.postgresql.secretName" $root | toYaml }}
    defaultMode: {{ include "bookstall.secretMode" (list $root "postgresql") }}
    items:
      - {key: role.sql, path: role.sql}
{{- end }}
- {name: run, emptyDir: {sizeLimit: 16Mi}}
- {name: tmp, emptyDir: {sizeLimit: 64Mi}}
{{- if include "bookstall.postgresql.tls" $root }}
{{ include "bookstall.tlsVolume" (list $root "postgresql") }}
- {name: server-tls, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
{{- end }}
{{- if not $root.Values.postgresql.persistence.enabled }}
- {name: data, emptyDir: {}}
{{- end }}
{{- end -}}
