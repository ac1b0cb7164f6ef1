{{/* A name that fits into a label. */}}
{{- define "features.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 20 | trimSuffix "-" -}}
{{- end -}}
{{- define "features.labels" }}
app.kubernetes.io/name: {{ include "features.name" . | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- range $key, $value := .Values.labels }}
{{ $key }}: {{ $value | quote }}
{{- end }}
{{- end }}
{{- define "features.image" -}}
{{- $registry := .registry | default "docker.io" -}}
{{- printf "%s/%s:%v" $registry (required "image.repository is needed" .repository) (.tag | default "latest") -}}
{{- end -}}
{{- define "features.depth" -}}
{{- if gt (int .n) 0 }}({{ template "features.depth" (dict "n" (sub (int .n) 1)) }}){{ else }}.{{ end -}}
{{- end -}}
