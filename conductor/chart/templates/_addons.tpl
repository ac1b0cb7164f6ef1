{{- /* A chart for the addon provider to install. context: [root, addon name, namespace, settings, values] */}}
{{- define "builtin.helmRelease" -}}
{{- $root := index . 0 }}
{{- $name := index . 1 }}
{{- $settings := index . 3 -}}
apiVersion: addons.stackhpc.com/v1alpha1
kind: HelmRelease
metadata:
  name: {{ $root.Release.Name }}-{{ $name }}
  labels:
    {{- include "builtin.labels" (list $root $name "") | nindent 4 }}
spec:
  clusterName: {{ $root.Release.Name }}
  bootstrap: true
  chart:
    repo: {{ $settings.chart.repo }}
    name: {{ $settings.chart.name }}
    version: {{ $settings.chart.version | quote }}
  targetNamespace: {{ index . 2 }}
  releaseName: {{ $name }}
  valuesSources:
    - template: |
        {{- mergeOverwrite (index . 4 | fromYaml) (deepCopy ($settings.values | default dict)) | toYaml | nindent 8 }}
{{- end }}

{{- /* Manifests for the addon provider to apply. context: [root, addon name, namespace, list of texts] */}}
{{- define "builtin.manifests" -}}
{{- $root := index . 0 }}
{{- $name := index . 1 -}}
apiVersion: addons.stackhpc.com/v1alpha1
kind: Manifests
metadata:
  name: {{ $root.Release.Name }}-{{ $name }}
  labels:
    {{- include "builtin.labels" (list $root $name "") | nindent 4 }}
spec:
  clusterName: {{ $root.Release.Name }}
  bootstrap: true
  targetNamespace: {{ index . 2 }}
  releaseName: {{ $name }}
  manifestSources:
    {{- range index . 3 }}
    - template: |
        {{- . | trim | nindent 8 }}
    {{- end }}
{{- end }}
