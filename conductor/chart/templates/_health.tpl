{{- /* Seconds of a duration such as 1h30m0s. */}}
{{- define "builtin.seconds" -}}
{{- $text := toString . }}
{{- $seconds := 0 }}
{{- range $unit, $factor := dict "h" 3600 "m" 60 "s" 1 }}
{{- with regexFind (printf "[0-9]+%s" $unit) $text }}
{{- $seconds = add $seconds (mul (trimSuffix $unit . | int) $factor) }}
{{- end }}
{{- end }}
{{- $seconds }}
{{- end }}

{{- /* context: [root, health check, component, node group or ""] */}}
{{- define "builtin.healthCheck" -}}
{{- $root := index . 0 }}
{{- $check := index . 1 }}
{{- $capi := include "builtin.capi" $root }}
{{- $context := list $root (index . 2) (index . 3) -}}
apiVersion: cluster.x-k8s.io/{{ $capi }}
kind: MachineHealthCheck
metadata:
  name: {{ $root.Release.Name }}-{{ index . 3 | default (index . 2) }}
  labels:
    {{- include "builtin.labels" $context | nindent 4 }}
spec:
  clusterName: {{ $root.Release.Name }}
  selector:
    matchLabels:
      {{- include "builtin.selector" $context | nindent 6 }}
  {{- if eq $capi "v1beta2" }}
  checks:
    nodeStartupTimeoutSeconds: {{ include "builtin.seconds" $check.nodeStartupTimeout }}
    unhealthyNodeConditions:
      {{- range $status := list "Unknown" "False" }}
      - type: Ready
        status: {{ $status | quote }}
        timeoutSeconds: {{ include "builtin.seconds" $check.timeout }}
      {{- end }}
  remediation:
    triggerIf:
      unhealthyLessThanOrEqualTo: {{ $check.maxUnhealthy }}
  {{- else }}
  maxUnhealthy: {{ $check.maxUnhealthy }}
  nodeStartupTimeout: {{ $check.nodeStartupTimeout }}
  unhealthyConditions:
    {{- range $status := list "Unknown" "False" }}
    - type: Ready
      status: {{ $status | quote }}
      timeout: {{ $check.timeout }}
    {{- end }}
  {{- end }}
{{- end }}
