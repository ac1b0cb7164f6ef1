{{- /* API version of Cluster API's objects: v1beta1 unless the API server serves only v1beta2. */}}
{{- define "builtin.capi" -}}
{{- $old := .Capabilities.APIVersions.Has "cluster.x-k8s.io/v1beta1" }}
{{- $new := .Capabilities.APIVersions.Has "cluster.x-k8s.io/v1beta2" }}
{{- if and $new (not $old) }}v1beta2{{ else }}v1beta1{{ end }}
{{- end }}

{{- /* A value as a label may hold it. */}}
{{- define "builtin.label" -}}
{{- . | toString | trunc 63 | trimAll "-_." }}
{{- end }}

{{- /* Labels by which machines are found. context: [root, component, node group or ""] */}}
{{- define "builtin.selector" -}}
{{- $root := index . 0 -}}
capi.stackhpc.com/cluster: {{ include "builtin.label" $root.Release.Name | quote }}
capi.stackhpc.com/component: {{ index . 1 }}
{{- with index . 2 }}
capi.stackhpc.com/node-group: {{ include "builtin.label" . | quote }}
{{- end }}
{{- end }}

{{- /* Labels of every object. context: [root, component or "", node group or ""] */}}
{{- define "builtin.labels" -}}
{{- $root := index . 0 -}}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
capi.stackhpc.com/managed-by: {{ $root.Release.Service }}
capi.stackhpc.com/infrastructure-provider: openstack
{{- if index . 1 }}
{{ include "builtin.selector" . }}
{{- else }}
capi.stackhpc.com/cluster: {{ include "builtin.label" $root.Release.Name | quote }}
{{- end }}
{{- end }}

{{- /* A node group with the defaults under it, as YAML. context: [root, node group] */}}
{{- define "builtin.nodeGroup" -}}
{{- $root := index . 0 }}
{{- $group := mergeOverwrite (deepCopy $root.Values.nodeGroupDefaults) (deepCopy (index . 1)) }}
{{- toYaml $group }}
{{- end }}

{{- /* Whether a node group is scaled by the autoscaler; the driver says it as a string. */}}
{{- define "builtin.autoscaled" -}}
{{- if eq (toString .autoscale) "true" }}true{{ end }}
{{- end }}

{{- define "builtin.credentials" -}}
{{- .Values.cloudCredentialsSecretName | default (printf "%s-cloud-credentials" .Release.Name) }}
{{- end }}

{{- define "builtin.kubernetesVersion" -}}
{{- required "kubernetesVersion is required" .Values.kubernetesVersion | toString | trimPrefix "v" | printf "v%s" }}
{{- end }}

{{- /* A reference to a network, subnet or server group: by id, or by what else identifies it. */}}
{{- define "builtin.reference" -}}
{{- if .id }}
id: {{ .id | quote }}
{{- else }}
filter:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* spec of the machine template. context: [root, control plane or node group, is control plane] */}}
{{- define "builtin.machine" -}}
{{- $root := index . 0 }}
{{- $machine := index . 1 }}
{{- $controlPlane := index . 2 -}}
identityRef:
  name: {{ include "builtin.credentials" $root }}
  cloudName: {{ $root.Values.cloudName }}
flavor: {{ required "machineFlavor is required" $machine.machineFlavor | quote }}
{{- $id := $machine.machineImageId | default $root.Values.machineImageId }}
{{- $name := $machine.machineImage | default $root.Values.machineImage }}
image:
{{- if $id }}
  id: {{ $id | quote }}
{{- else }}
  filter:
    name: {{ required "machineImageId or machineImage is required" $name | quote }}
{{- end }}
{{- with $root.Values.machineSSHKeyName }}
sshKeyName: {{ . | quote }}
{{- end }}
{{- if or $machine.machineConfigDrive (eq $root.Values.osDistro "flatcar") }}
configDrive: true
{{- end }}
{{- with $machine.serverGroupId }}
serverGroup:
  id: {{ . | quote }}
{{- end }}
{{- $volume := $machine.machineRootVolume | default dict }}
{{- if $volume.diskSize }}
rootVolume:
  sizeGiB: {{ int $volume.diskSize }}
  {{- with $volume.volumeType }}
  type: {{ . | quote }}
  {{- end }}
  availabilityZone:
  {{- with $volume.availabilityZone }}
    from: Name
    name: {{ . | quote }}
  {{- else }}
    from: Machine
  {{- end }}
{{- end }}
{{- $networking := $machine.machineNetworking | default dict }}
{{- with $networking.ports }}
ports:
{{- range . }}
  {{- $port := omit . "network" "securityGroups" }}
  {{- with .network }}
  {{- $_ := set $port "network" (include "builtin.reference" . | fromYaml) }}
  {{- end }}
  {{- if hasKey . "securityGroups" }}
  {{- $groups := list }}
  {{- range .securityGroups }}
  {{- $groups = append $groups (include "builtin.reference" . | fromYaml) }}
  {{- end }}
  {{- $_ := set $port "securityGroups" $groups }}
  {{- end }}
  - {{ toYaml $port | nindent 4 | trim }}
{{- end }}
{{- end }}
{{- $devices := deepCopy ($machine.additionalBlockDevices | default dict) }}
{{- $etcd := $root.Values.etcd.blockDevice }}
{{- if and $controlPlane $etcd }}
{{- $_ := set $devices "etcd" $etcd }}
{{- end }}
{{- with $devices }}
additionalBlockDevices:
{{- range $device, $settings := . }}
  - name: {{ $device }}
    sizeGiB: {{ int $settings.size }}
    storage:
      type: {{ $settings.type | default "Volume" }}
      {{- if ne ($settings.type | default "Volume") "Local" }}
      volume:
        {{- with $settings.volumeType }}
        type: {{ . | quote }}
        {{- end }}
        availabilityZone:
        {{- with $settings.availabilityZone }}
          from: Name
          name: {{ . | quote }}
        {{- else }}
          from: Machine
        {{- end }}
      {{- end }}
{{- end }}
{{- end }}
{{- $metadata := merge (dict) ($machine.machineMetadata | default dict) ($root.Values.machineMetadata | default dict) }}
{{- with $metadata }}
serverMetadata:
{{- range $key, $value := . }}
  - key: {{ $key | quote }}
    value: {{ $value | toString | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- /* A name that changes with the content. context: [base name, text] */}}
{{- define "builtin.hashed" -}}
{{- printf "%s-%s" (index . 0) (index . 1 | sha256sum | trunc 8) }}
{{- end }}
