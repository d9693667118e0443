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
    metadata:
      # No version labels: a new chart version alone must not replace pods.
      labels:
        {{- include "bookstall.podSelector" (list $root $component) | nindent 8 }}
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- $annotations := include (print $part "annotations") $root }}
      {{- if or $annotations $values.podAnnotations }}
      annotations:
        {{- with $annotations }}
        {{- . | nindent 8 }}
        {{- end }}
        {{- with $values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
    spec:
      {{- include "bookstall.podSpec" $root | nindent 6 }}
      # No preStop hook: on SIGTERM both programs become not ready, wait for the drain
      # delay, and finish requests in flight. The extra 10 s are for closing stores
      # and telemetry.
      terminationGracePeriodSeconds: {{ add $values.drain.delaySeconds $values.drain.timeoutSeconds 10 }}
      {{- with include "bookstall.placement" $values | trim }}
      {{- . | nindent 6 }}
      {{- end }}
      topologySpreadConstraints:
        {{- if $values.topologySpreadConstraints }}
        {{- toYaml $values.topologySpreadConstraints | nindent 8 }}
        {{- else }}
        {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
        - topologyKey: {{ . }}
          maxSkew: 1
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- include "bookstall.podSelector" (list $root $component) | nindent 14 }}
          matchLabelKeys: [pod-template-hash]
        {{- end }}
        {{- end }}
      containers:
        - name: {{ $component }}
          {{- include "bookstall.container" (list $root $component) | nindent 10 }}
          env:
            {{- include "bookstall.commonEnv" (list $root $component) | nindent 12 }}
            {{- include (print $part "env") $root | nindent 12 }}
            {{- with $values.extraEnv }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          ports:
            {{- include (print $part "ports") $root | nindent 12 }}
            - {name: metrics, containerPort: 9090}
          # Startup: the program runs and has loaded what it needs. Readiness: it can
          # serve. Liveness: the process is not stuck; this probe depends on no other
          # service, because a restart would not repair that one.
          {{- include (print $part "probes") $root | nindent 10 }}
          livenessProbe:
            httpGet: {path: /livez, port: metrics}
            {{- toYaml $values.probes.liveness | nindent 12 }}
          {{- with $values.resources }}
          resources:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          {{- $mounts := include (print $part "mounts") $root }}
          {{- if or $mounts $values.extraVolumeMounts }}
          volumeMounts:
            {{- with $mounts }}
            {{- . | nindent 12 }}
            {{- end }}
            {{- with $values.extraVolumeMounts }}
            {{- toYaml . | nindent 12 }}
            {{- end }}
          {{- end }}
      {{- $volumes := include (print $part "volumes") $root }}
      {{- if or $volumes $values.extraVolumes }}
      volumes:
        {{- with $volumes }}
        {{- . | nindent 8 }}
        {{- end }}
        {{- with $values.extraVolumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
{{- end -}}

{{- /* Scheduling fields of a pod; takes the values that hold them. */ -}}
{{- define "bookstall.placement" -}}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* Fields that all pods of the release share, including that of helm test. */ -}}
{{- define "bookstall.podSpec" -}}
serviceAccountName: {{ include "bookstall.serviceAccount" . }}
automountServiceAccountToken: false
# The programs refuse variables that they do not know; Kubernetes would make
# MARKETPLACE_PORT and the like from Services of that name.
enableServiceLinks: false
{{- if kindIs "bool" .Values.hostUsers }}
hostUsers: {{ .Values.hostUsers }}
{{- end }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
  {{- with .Values.appArmorProfile }}
  appArmorProfile:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- /* Image and security context of a container that runs one of the two programs;
takes (list root component). */ -}}
{{- define "bookstall.container" -}}
image: {{ include "bookstall.image" . }}
imagePullPolicy: {{ (index . 0).Values.image.pullPolicy }}
{{ include "bookstall.containerSecurity" . }}
{{- end -}}

{{- define "bookstall.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{- /* Memory limit of the Go runtime; takes the resources of the container. */ -}}
{{- define "bookstall.memoryEnv" -}}
{{- if dig "limits" "memory" "" (. | default dict) -}}
# The limit in MiB times 10^6 is 95 % of it: the garbage collector works harder
# before the kernel kills. Taken from the pod, so that it follows the limit that
# a vertical autoscaler sets.
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
{{- if $root.Values.tls.enabled }}
- name: {{ $prefix }}_TLS_CERT_FILE
  value: /etc/bookstall/tls/tls.crt
- name: {{ $prefix }}_TLS_KEY_FILE
  value: /etc/bookstall/tls/tls.key
- name: {{ $prefix }}_TLS_CA_FILE
  value: /etc/bookstall/tls/ca.crt
{{- end }}
{{- with $root.Values.otlp.endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
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
    secretName: {{ include "bookstall.tls.secret" . }}
    defaultMode: 0440
{{- end -}}
