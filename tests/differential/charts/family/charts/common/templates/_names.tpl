{{- define "common.fullname" -}}
{{ .Release.Name }}-{{ .Chart.Name }}{{ with .Values.nameSuffix }}-{{ . }}{{ end }}
{{- end -}}
