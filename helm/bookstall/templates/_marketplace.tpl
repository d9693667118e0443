{{- /* The parts of the Deployment of marketplace; see bookstall.deployment. */ -}}

{{- /* A change of the Secret replaces the pods. Other settings are part of the pod itself,
so changing them replaces it anyway. */ -}}
{{- define "bookstall.marketplace.annotations" -}}
{{- if not .Values.marketplace.existingSecret -}}
{{- with include "bookstall.marketplace.secretData" . | fromJson }}
checksum/config: {{ toJson . | sha256sum }}
{{- end -}}
{{- end -}}
{{- with dig "files" dict (.Values.marketplace.shop | default dict) }}
checksum/shop: {{ toJson . | sha256sum }}
{{- end -}}
{{- end -}}

{{- /* Name of the ConfigMap with the shop's face; empty for none. */ -}}
{{- define "bookstall.marketplace.shop" -}}
{{- $shop := .Values.marketplace.shop | default dict -}}
{{- if $shop.files -}}
{{ include "bookstall.fullname" . }}-shop
{{- else -}}
{{ $shop.configMap | default "" }}
{{- end -}}
{{- end -}}

{{- define "bookstall.marketplace.env" -}}
{{- $values := .Values.marketplace -}}
- name: MARKETPLACE_RECOMMENDATIONS_TARGET
  value: {{ include "bookstall.recommendations.target" . }}
- name: MARKETPLACE_RECOMMENDATIONS_TIMEOUT
  value: {{ $values.recommendationsTimeout }}
- name: MARKETPLACE_DNS_INTERVAL
  value: {{ $values.dnsIntervalSeconds }}s
- name: MARKETPLACE_DNS_MAX_STALE
  value: {{ $values.dnsMaxStale }}
- name: MARKETPLACE_MAX_REQUESTS
  value: {{ $values.maxRequests | int | quote }}
- name: MARKETPLACE_CATALOG_FILE
  value: /var/lib/bookstall/catalog
- name: MARKETPLACE_COOKIE_KEY_FILE
  value: /etc/bookstall/cookie/cookie-key
{{- if not $values.requireAPIToken }}
- name: MARKETPLACE_API_OPEN
  value: "true"
{{- else if $values.apiTokensSecret }}
- name: MARKETPLACE_API_TOKENS_FILE
  value: /etc/bookstall/api-tokens/api-tokens
{{- else }}
{{ include "bookstall.marketplace.tokenEnv" . }}
{{- end }}
{{- if $values.secureCookies }}
- name: MARKETPLACE_SECURE_COOKIES
  value: "true"
{{- end }}
{{- if $values.formerCookies }}
- name: MARKETPLACE_FORMER_COOKIES
  value: "true"
{{- end }}
{{- with include "bookstall.marketplace.publicURL" . }}
- name: MARKETPLACE_PUBLIC_URL
  value: {{ . }}
{{- end }}
{{- with include "bookstall.marketplace.allowedHosts" . }}
- name: MARKETPLACE_ALLOWED_HOSTS
  value: {{ . | quote }}
{{- end }}
{{- with $values.trustedProxies }}
- name: MARKETPLACE_TRUSTED_PROXIES
  value: {{ join "," . | quote }}
{{- end }}
{{- with $values.readerHeader }}
- name: MARKETPLACE_READER_HEADER
  value: {{ . | toYaml }}
{{- end }}
{{- if $values.showUnavailable }}
- name: MARKETPLACE_SHOW_UNAVAILABLE
  value: "true"
{{- end }}
{{- if and (not (kindIs "invalid" $values.newDays)) (ne (int $values.newDays) 30) }}
- name: MARKETPLACE_NEW_DAYS
  value: {{ $values.newDays | int | quote }}
{{- end }}
{{- if ($values.covers).volume }}
- name: MARKETPLACE_COVERS_DIR
  value: /srv/covers
- name: MARKETPLACE_COVERS_CACHE
  value: /var/cache/bookstall/covers
{{- end }}
{{- if include "bookstall.marketplace.shop" . }}
- name: MARKETPLACE_SHOP_FILE
  value: /etc/bookstall/shop/shop.yaml
{{- end }}
{{- if $values.balancePage }}
- name: MARKETPLACE_BALANCE
  value: "true"
{{- end }}
{{- if and .Values.tls.enabled .Values.tls.serverName }}
- name: MARKETPLACE_TLS_SERVER_NAME
  value: {{ .Values.tls.serverName | toYaml }}
{{- end }}
{{- end -}}

{{- /* The token for everything, which is not there beside named tokens. */ -}}
{{- define "bookstall.marketplace.tokenEnv" -}}
- name: MARKETPLACE_API_TOKEN
  valueFrom:
    secretKeyRef: {name: {{ include "bookstall.marketplace.secretName" . | toYaml }}, key: api-token}
{{- end -}}

{{- /* The token of helm test. Of the named tokens the shop has hashes alone. */ -}}
{{- define "bookstall.marketplace.checkEnv" -}}
{{- if .Values.marketplace.apiTokensSecret -}}
- name: MARKETPLACE_API_TOKEN
  valueFrom:
    secretKeyRef: {name: {{ .Values.marketplace.apiTokensSecret | toYaml }}, key: check-token, optional: true}
{{- else if .Values.marketplace.requireAPIToken -}}
{{ include "bookstall.marketplace.tokenEnv" . }}
{{- end -}}
{{- end -}}

{{- /* Hosts of the Ingress and the HTTPRoute, as JSON. */ -}}
{{- define "bookstall.marketplace.hosts" -}}
{{- $hosts := list -}}
{{- with .Values.marketplace.ingress -}}{{- if .enabled -}}{{- $hosts = concat $hosts .hosts -}}{{- end -}}{{- end -}}
{{- with .Values.marketplace.httpRoute -}}{{- if .enabled -}}{{- $hosts = concat $hosts .hostnames -}}{{- end -}}{{- end -}}
{{- uniq $hosts | toJson -}}
{{- end -}}

{{- /* Where readers reach the shop; empty if the chart cannot tell. The Gateway, which it
does not see, decides whether an HTTPRoute is served by HTTPS. */ -}}
{{- define "bookstall.marketplace.publicURL" -}}
{{- $values := .Values.marketplace -}}
{{- $hosts := include "bookstall.marketplace.hosts" . | fromJsonArray -}}
{{- if $values.publicURL -}}
{{- trimSuffix "/" $values.publicURL -}}
{{- else if and $hosts (not (contains "*" (join "" $hosts))) -}}
{{- $https := $values.secureCookies -}}
{{- if and (not $https) $values.ingress.enabled $values.ingress.tls (not $values.httpRoute.enabled) -}}
{{- $https = true -}}
{{- range $host := $hosts -}}
{{- $parent := regexReplaceAll "^[^.]+" $host "*" -}}
{{- $covered := false -}}
{{- range $values.ingress.tls -}}
{{- if or (not .hosts) (has $host .hosts) (has $parent .hosts) -}}{{- $covered = true -}}{{- end -}}
{{- end -}}
{{- if not $covered -}}{{- $https = false -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- if $https -}}https://{{ first $hosts }}{{- end -}}
{{- end -}}
{{- end -}}

{{- /* Path of that URL, without a slash at its end. */ -}}
{{- define "bookstall.marketplace.path" -}}
{{- with include "bookstall.marketplace.publicURL" . }}{{ (urlParse .).path }}{{ end -}}
{{- end -}}

{{- /* Host of the value publicURL, for an Ingress or HTTPRoute without hosts; empty if it is an
address, which neither may have. */ -}}
{{- define "bookstall.marketplace.host" -}}
{{- $host := (urlParse (.Values.marketplace.publicURL | default "")).hostname | lower -}}
{{- if regexMatch "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$" $host -}}
{{- if not (regexMatch "^[0-9.]+$" $host) }}{{ $host }}{{ end -}}
{{- end -}}
{{- end -}}

{{- /* The other hosts that the shop answers to, which matter if it does not answer to any:
those of the Ingress and the HTTPRoute, and the names of its Service. */ -}}
{{- define "bookstall.marketplace.allowedHosts" -}}
{{- $values := .Values.marketplace -}}
{{- if or $values.allowedHosts (include "bookstall.marketplace.publicURL" .) -}}
{{- $service := printf "%s-marketplace" (include "bookstall.fullname" .) -}}
{{- $namespaced := printf "%s.%s" $service .Release.Namespace -}}
{{- $names := list $service $namespaced (printf "%s.svc" $namespaced) (printf "%s.svc.%s" $namespaced (trimSuffix "." .Values.clusterDomain)) -}}
{{- join "," (uniq (concat (include "bookstall.marketplace.hosts" . | fromJsonArray) ($values.allowedHosts | default list) $names)) -}}
{{- end -}}
{{- end -}}

{{- define "bookstall.marketplace.ports" -}}
- {name: http, containerPort: 8080}
{{- end -}}

{{- define "bookstall.marketplace.probes" -}}
{{- $probes := .Values.marketplace.probes -}}
startupProbe:
  httpGet: {path: /livez, port: metrics}
  {{- toYaml $probes.startup | nindent 2 }}
readinessProbe:
  httpGet: {path: /readyz, port: metrics}
  {{- toYaml $probes.readiness | nindent 2 }}
{{- end -}}

{{- define "bookstall.marketplace.mounts" -}}
- {name: catalog, mountPath: /var/lib/bookstall}
- {name: cookie, mountPath: /etc/bookstall/cookie, readOnly: true}
{{- if (.Values.marketplace.covers).volume }}
- {name: covers, mountPath: /srv/covers, readOnly: true}
- {name: scaled-covers, mountPath: /var/cache/bookstall}
{{- end }}
{{- if .Values.marketplace.apiTokensSecret }}
- {name: api-tokens, mountPath: /etc/bookstall/api-tokens, readOnly: true}
{{- end }}
{{- if include "bookstall.marketplace.shop" . }}
- {name: shop, mountPath: /etc/bookstall/shop, readOnly: true}
{{- end }}
{{- if .Values.tls.enabled }}
{{ include "bookstall.tlsMount" . }}
{{- end }}
{{- end -}}

{{- define "bookstall.marketplace.volumes" -}}
{{- /* The last catalogue: a container that restarts while recommendations is unavailable
starts with it. */ -}}
- name: catalog
  emptyDir:
    sizeLimit: {{ .Values.marketplace.catalogSizeLimit }}
{{- with .Values.marketplace.covers }}
{{- if .volume }}
- name: covers
  {{- toYaml .volume | nindent 2 }}
- name: scaled-covers
  emptyDir:
    sizeLimit: {{ .cacheSizeLimit | default "128Mi" }}
{{- end }}
{{- end }}
- name: cookie
  secret:
    secretName: {{ include "bookstall.marketplace.secretName" . | toYaml }}
    defaultMode: {{ include "bookstall.secretMode" (list . "marketplace") }}
    items:
      - {key: cookie-key, path: cookie-key}
{{- with .Values.marketplace.apiTokensSecret }}
- name: api-tokens
  secret:
    secretName: {{ . | toYaml }}
    defaultMode: {{ include "bookstall.secretMode" (list $ "marketplace") }}
    items:
      - {key: api-tokens, path: api-tokens}
{{- end }}
{{- with include "bookstall.marketplace.shop" . }}
- name: shop
  configMap: {name: {{ . }}}
{{- end }}
{{- if .Values.tls.enabled }}
{{ include "bookstall.tlsVolume" (list . "marketplace") }}
{{- end }}
{{- end -}}

{{- /* Name of the Secret that holds the cookie key and the API token. */ -}}
{{- define "bookstall.marketplace.secretName" -}}
{{- default (printf "%s-marketplace" (include "bookstall.fullname" .)) .Values.marketplace.existingSecret -}}
{{- end -}}

{{- /* Data of that Secret, as JSON: what the cluster has, otherwise new random values; empty
without a cluster, where each rendering would make others. The Secret and the checksum of the
pods both include this define, so the first result is kept in the values: otherwise each would
generate its own. */ -}}
{{- define "bookstall.marketplace.secretData" -}}
{{- if not (hasKey .Values.marketplace "secretData") -}}
{{- $name := include "bookstall.marketplace.secretName" . -}}
{{- $old := dig "data" dict (lookup "v1" "Secret" .Release.Namespace $name | default dict) | default dict -}}
{{- $data := dict -}}
{{- if include "bookstall.cluster" . -}}
{{- $data = dict "cookie-key" (get $old "cookie-key" | default (randAlphaNum 64 | sha256sum | b64enc)) -}}
{{- if not .Values.marketplace.apiTokensSecret -}}
{{- $_ := set $data "api-token" (get $old "api-token" | default (randAlphaNum 40 | b64enc)) -}}
{{- end -}}
{{- end -}}
{{- $_ := set .Values.marketplace "secretData" $data -}}
{{- end -}}
{{- toJson .Values.marketplace.secretData -}}
{{- end -}}

{{- /* Where the rules of the HTTPRoute send requests. */ -}}
{{- define "bookstall.marketplace.backend" -}}
backendRefs:
  - name: {{ include "bookstall.fullname" . }}-marketplace
    port: {{ .Values.marketplace.service.port }}
{{- end -}}
