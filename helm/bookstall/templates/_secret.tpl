{{- /* Name of the Secret with the cookie key and the API token. */ -}}
{{- define "bookstall.secretName" -}}
{{- default (printf "%s-marketplace" (include "bookstall.fullname" .)) .Values.marketplace.existingSecret -}}
{{- end -}}

{{- /* Data of that Secret, as JSON: what the cluster has, else new random values.
It is asked for twice, by the Secret and by the checksum of the pods; so the first
answer is kept, or each would make values of its own. */ -}}
{{- define "bookstall.secretData" -}}
{{- if not (hasKey .Values.marketplace "secretData") -}}
{{- $name := include "bookstall.secretName" . -}}
{{- $old := dig "data" dict (lookup "v1" "Secret" .Release.Namespace $name | default dict) | default dict -}}
{{- $data := dict
  "cookie-key" (get $old "cookie-key" | default (randAlphaNum 64 | sha256sum | b64enc))
  "api-token" (get $old "api-token" | default (randAlphaNum 40 | b64enc)) -}}
{{- $_ := set .Values.marketplace "secretData" $data -}}
{{- end -}}
{{- toJson .Values.marketplace.secretData -}}
{{- end -}}
