{{- /* The parts of the pod of the trial database. */ -}}

{{- define "bookstall.postgresql.container" -}}
{{- $values := .Values.postgresql -}}
image: {{ include "bookstall.imageReference" (list $values.image $values.image.tag) }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- with $values.settings }}
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
  exec: {command: [pg_isready, --host=127.0.0.1, --username=bookstall, --quiet]}
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

{{- /* Takes (list root role): whether the programs have a role of their own. The superuser, which
they do not use then, has the other password. */ -}}
{{- define "bookstall.postgresql.env" -}}
{{- $role := index . 1 -}}
- {name: POSTGRES_USER, value: {{ ternary "postgres" "bookstall" $role }}}
- {name: POSTGRES_DB, value: bookstall}
- name: POSTGRES_PASSWORD
  valueFrom:
    secretKeyRef: {name: {{ include "bookstall.postgresql.secretName" (index . 0) }}, key: {{ ternary "admin-password" "password" $role }}}
{{- /* A subdirectory: the root of a volume may contain lost+found. */}}
- {name: PGDATA, value: /var/lib/postgresql/data/pgdata}
{{- end -}}

{{- /* Takes role. */ -}}
{{- define "bookstall.postgresql.mounts" -}}
- {name: data, mountPath: /var/lib/postgresql/data}
{{- if . }}
{{- /* Run once, in a new database. */}}
- {name: role, mountPath: /docker-entrypoint-initdb.d, readOnly: true}
{{- end }}
- {name: run, mountPath: /var/run/postgresql}
- {name: tmp, mountPath: /tmp}
{{- end -}}

{{- /* Takes (list root role). */ -}}
{{- define "bookstall.postgresql.volumes" -}}
{{- $root := index . 0 -}}
{{- if index . 1 -}}
- name: role
  secret:
    secretName: {{ include "bookstall.postgresql.secretName" $root }}
    defaultMode: {{ include "bookstall.secretMode" (list $root "postgresql") }}
    items:
      - {key: role.sql, path: role.sql}
{{- end }}
- {name: run, emptyDir: {sizeLimit: 16Mi}}
- {name: tmp, emptyDir: {sizeLimit: 64Mi}}
{{- if not $root.Values.postgresql.persistence.enabled }}
- {name: data, emptyDir: {}}
{{- end }}
{{- end -}}
