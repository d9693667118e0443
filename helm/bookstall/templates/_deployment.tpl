{{- /* Deployment of one component; takes (list root component). What differs between
the two programs is in bookstall.<component>.annotations, .env, .ports, .probes,
.mounts and .volumes. */ -}}
{{- define "bookstall.deployment" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- $values := index $root.Values $component -}}
{{- $part := printf "bookstall.%s." $component -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "bookstall.metadata" (list $root $component $component) | nindent 2 }}
spec:
  {{- if not $values.autoscaling.enabled }}
  replicas: {{ $values.replicas }}
  {{- end }}
  # A new pod counts as available only after clients have had time to find it.
  minReadySeconds: {{ $values.minReadySeconds }}
  revisionHistoryLimit: 5
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: 0
      maxSurge: 25%
  selector:
    matchLabels:
      {{- include "bookstall.podSelector" (list $root $component) | nindent 6 }}
  template:
    {{- include "bookstall.podTemplate" (dict "root" $root "component" $component
      "annotations" (include (print $part "annotations") $root)
      "spec" (include "bookstall.deployment.pod" .)
      "container" (include "bookstall.deployment.container" .)
      "env" (printf "%s\n%s" (include "bookstall.commonEnv" .) (include (print $part "env") $root))
      "mounts" (include (print $part "mounts") $root)
      "volumes" (include (print $part "volumes") $root)) | nindent 4 }}
{{- end -}}

{{- define "bookstall.deployment.pod" -}}
{{- $values := index (index . 0).Values (index . 1) -}}
# No preStop hook: on SIGTERM both programs become not ready, wait for the drain
# delay, and finish requests in flight. The extra 10 s are for closing stores
# and telemetry.
terminationGracePeriodSeconds: {{ add $values.drain.delaySeconds $values.drain.timeoutSeconds 10 }}
{{- if not (include "bookstall.podValues" . | fromJson).topologySpreadConstraints }}
topologySpreadConstraints:
  {{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - topologyKey: {{ $key }}
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "bookstall.podSelector" $ | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}
{{- end -}}

{{- define "bookstall.deployment.container" -}}
{{- $root := index . 0 -}}
{{- $values := index $root.Values (index . 1) -}}
{{- $part := printf "bookstall.%s." (index . 1) -}}
{{ include "bookstall.programImage" . }}
ports:
  {{- include (print $part "ports") $root | nindent 2 }}
  - {name: metrics, containerPort: 9090}
# Startup: the program runs and has loaded what it needs. Readiness: it can
# serve. Liveness: the process is not stuck; this probe depends on no other
# service, because a restart would not repair that one.
{{- include (print $part "probes") $root | nindent 0 }}
livenessProbe:
  httpGet: {path: /livez, port: metrics}
  {{- toYaml $values.probes.liveness | nindent 2 }}
{{- include "bookstall.resources" $values.resources }}
{{- end -}}

{{- define "bookstall.resources" -}}
{{- with . }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* Image of a container that runs one of the two programs; takes (list root component). */ -}}
{{- define "bookstall.programImage" -}}
image: {{ include "bookstall.image" . }}
imagePullPolicy: {{ (index . 0).Values.image.pullPolicy }}
{{- end -}}

{{- /* Memory limit of the Go runtime; takes the resources of the container. The limit in MiB
times 10^6 is 95 % of it: the garbage collector works harder before the kernel kills. Taken from
the pod, so that it follows the limit that a vertical autoscaler sets. */ -}}
{{- define "bookstall.memoryEnv" -}}
{{- if dig "limits" "memory" "" (. | default dict) -}}
- name: MEMORY_LIMIT_MI
  valueFrom:
    resourceFieldRef: {resource: limits.memory, divisor: 1Mi}
- name: GOMEMLIMIT
  value: $(MEMORY_LIMIT_MI)000000B
{{- end -}}
{{- end -}}

{{- /* Environment variables that both programs have; takes (list root component). */ -}}
{{- define "bookstall.commonEnv" -}}
{{- $root := index . 0 -}}
{{- $values := index $root.Values (index . 1) -}}
{{- $prefix := upper (index . 1) -}}
{{- with include "bookstall.memoryEnv" $values.resources -}}
{{ . }}
{{ end -}}
- name: {{ $prefix }}_LOG_LEVEL
  value: {{ $values.logLevel }}
{{- if ne ($values.logFormat | default "json") "json" }}
- name: {{ $prefix }}_LOG_FORMAT
  value: {{ $values.logFormat }}
{{- end }}
- name: {{ $prefix }}_DRAIN_DELAY
  value: {{ $values.drain.delaySeconds }}s
- name: {{ $prefix }}_DRAIN_TIMEOUT
  value: {{ $values.drain.timeoutSeconds }}s
{{- if $values.pprof }}
- name: {{ $prefix }}_PPROF
  value: "true"
{{- end }}
{{- if $root.Values.faults }}
- name: {{ $prefix }}_FAULTS
  value: "true"
{{- end }}
{{- if $root.Values.nativeHistograms }}
- name: {{ $prefix }}_NATIVE_HISTOGRAMS
  value: "true"
{{- end }}
{{- if $root.Values.tls.enabled }}
- name: {{ $prefix }}_TLS_CERT_FILE
  value: /etc/bookstall/tls/tls.crt
- name: {{ $prefix }}_TLS_KEY_FILE
  value: /etc/bookstall/tls/tls.key
- name: {{ $prefix }}_TLS_CA_FILE
  value: /etc/bookstall/tls/ca.crt
{{- end }}
{{- with include "bookstall.otlpEnv" $root }}
{{ . }}
{{- end }}
{{- end -}}

{{- define "bookstall.otlpEnv" -}}
{{- with .Values.otlp.endpoint -}}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end -}}
{{- end -}}

{{- /* The whole Secret is mounted: files mounted one by one (subPath) would not follow
a renewed certificate. */ -}}
{{- define "bookstall.tlsMount" -}}
- {name: tls, mountPath: /etc/bookstall/tls, readOnly: true}
{{- end -}}

{{- /* Takes (list root component). */ -}}
{{- define "bookstall.tlsVolume" -}}
- name: tls
  secret:
    secretName: {{ include "bookstall.tls.secret" . | toYaml }}
    defaultMode: {{ include "bookstall.secretMode" . }}
{{- end -}}
