{{- /* Arguments of a component: a table in v1beta1, a list of names and values in v1beta2. context: [root, table] */}}
{{- define "builtin.args" -}}
{{- if eq (include "builtin.capi" (index . 0)) "v1beta2" }}
{{- range $name, $value := index . 1 }}
- name: {{ $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- else }}
{{- range $name, $value := index . 1 }}
{{ $name }}: {{ $value | toString | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- /* nodeRegistration. context: [root, control plane or node group, node group name or ""] */}}
{{- define "builtin.nodeRegistration" -}}
{{- $root := index . 0 }}
{{- $args := dict "cloud-provider" "external" }}
{{- $labels := deepCopy ((index . 1).nodeLabels | default dict) }}
{{- with index . 2 }}
{{- $_ := set $labels "capi.stackhpc.com/node-group" (include "builtin.label" .) }}
{{- end }}
{{- with $labels }}
{{- $pairs := list }}
{{- range $key, $value := . }}
{{- $pairs = append $pairs (printf "%s=%s" $key (toString $value)) }}
{{- end }}
{{- $_ := set $args "node-labels" (join "," (sortAlpha $pairs)) }}
{{- end -}}
nodeRegistration:
  {{- /* Filled in on the machine: by cloud-init, or by envsubst in preKubeadmCommands. */}}
  name: {{ eq $root.Values.osDistro "flatcar" | ternary "${COREOS_OPENSTACK_HOSTNAME}" "{{ local_hostname }}" | squote }}
  kubeletExtraArgs:
    {{- include "builtin.args" (list $root $args) | nindent 4 }}
{{- end }}

{{- /* What all machines need besides kubeadm's own sections: files, commands, format. context: root */}}
{{- define "builtin.machineFiles" -}}
{{- range $registry, $mirrors := .Values.registryMirrors }}
- path: /etc/containerd/certs.d/{{ $registry }}/hosts.toml
  owner: root:root
  permissions: "0644"
  content: |
    server = "https://{{ eq $registry "docker.io" | ternary "registry-1.docker.io" $registry }}"
    {{- range $mirrors }}
    {{- $mirror := kindIs "map" . | ternary . (dict "url" .) }}

    [host.{{ $mirror.url | toString | quote }}]
      capabilities = ["pull", "resolve"]
      override_path = true
      {{- if $mirror.skipVerify }}
      skip_verify = true
      {{- end }}
    {{- end }}
{{- end }}
{{- $folder := eq .Values.osDistro "flatcar" | ternary "/etc/ssl/certs" "/usr/local/share/ca-certificates" }}
{{- $suffix := eq .Values.osDistro "flatcar" | ternary "pem" "crt" }}
{{- range $name, $certificate := .Values.trustedCAs }}
- path: {{ $folder }}/{{ $name }}.{{ $suffix }}
  owner: root:root
  permissions: "0644"
  content: |
    {{- $certificate | trim | nindent 4 }}
{{- end }}
{{- end }}

{{- define "builtin.machineCommands" -}}
{{- if eq .Values.osDistro "flatcar" }}
- export COREOS_OPENSTACK_HOSTNAME=${COREOS_OPENSTACK_HOSTNAME%.*}
- envsubst < /etc/kubeadm.yml > /etc/kubeadm.yml.new
- mv /etc/kubeadm.yml.new /etc/kubeadm.yml
{{- end }}
{{- if .Values.trustedCAs }}
- update-ca-certificates
- systemctl restart containerd
{{- end }}
{{- end }}

{{- define "builtin.machineFormat" -}}
{{- if eq .Values.osDistro "flatcar" }}
format: ignition
ignition:
  containerLinuxConfig:
    additionalConfig: |
      systemd:
        units:
          - name: coreos-metadata-sshkeys@.service
            enabled: true
          - name: kubeadm.service
            enabled: true
            dropins:
              - name: 10-openstack-metadata.conf
                contents: |
                  [Unit]
                  Requires=containerd.service coreos-metadata.service
                  After=containerd.service coreos-metadata.service
                  [Service]
                  EnvironmentFile=/run/metadata/flatcar
{{- end }}
{{- end }}

{{- /* spec of a node group's bootstrap configuration. context: [root, node group] */}}
{{- define "builtin.workerKubeadm" -}}
{{- $root := index . 0 }}
{{- $group := index . 1 }}
{{- $spec := include "builtin.workerKubeadmBase" . | fromYaml }}
{{- $spec = mergeOverwrite $spec (deepCopy ($group.kubeadmConfigSpec | default dict)) }}
{{- toYaml $spec }}
{{- end }}

{{- define "builtin.workerKubeadmBase" -}}
{{- $root := index . 0 }}
{{- $group := index . 1 -}}
joinConfiguration:
  {{- include "builtin.nodeRegistration" (list $root $group $group.name) | nindent 2 }}
{{- with include "builtin.machineFiles" $root | trim }}
files:
  {{- . | nindent 2 }}
{{- end }}
{{- with include "builtin.machineCommands" $root | trim }}
preKubeadmCommands:
  {{- . | nindent 2 }}
{{- end }}
{{- include "builtin.machineFormat" $root }}
{{- end }}

{{- /* Arguments of the API server, as a table. */}}
{{- define "builtin.apiServerArgs" }}
{{- with .Values.oidc }}
{{- if .issuerUrl }}
oidc-issuer-url: {{ .issuerUrl | quote }}
oidc-client-id: {{ required "oidc.clientId is required with oidc.issuerUrl" .clientId | quote }}
oidc-username-claim: {{ .usernameClaim | quote }}
oidc-username-prefix: {{ .usernamePrefix | quote }}
oidc-groups-claim: {{ .groupsClaim | quote }}
oidc-groups-prefix: {{ .groupsPrefix | quote }}
oidc-signing-algs: {{ .signingAlgs | quote }}
{{- end }}
{{- end }}
{{- if eq .Values.authWebhook "k8s-keystone-auth" }}
authentication-token-webhook-config-file: /etc/kubernetes/keystone/webhook.yaml
authorization-webhook-config-file: /etc/kubernetes/keystone/webhook.yaml
authorization-mode: Node,RBAC,Webhook
{{- end }}
{{- end }}

{{- /* spec.kubeadmConfigSpec of the control plane. */}}
{{- define "builtin.controlPlaneKubeadm" -}}
{{- $spec := include "builtin.controlPlaneKubeadmBase" . | fromYaml }}
{{- $spec = mergeOverwrite $spec (deepCopy (.Values.controlPlane.kubeadmConfigSpec | default dict)) }}
{{- toYaml $spec }}
{{- end }}

{{- define "builtin.controlPlaneKubeadmBase" -}}
{{- if not (has .Values.authWebhook (list "none" "k8s-keystone-auth")) }}
{{- fail (printf "authWebhook %q is not supported by this chart" .Values.authWebhook) }}
{{- end }}
{{- $keystone := eq .Values.authWebhook "k8s-keystone-auth" }}
{{- $etcdDisk := .Values.etcd.blockDevice }}
{{- $apiArgs := include "builtin.apiServerArgs" . | fromYaml }}
{{- $apiArgs = mergeOverwrite $apiArgs (deepCopy (.Values.apiServer.extraArgs | default dict)) -}}
clusterConfiguration:
  {{- if or $apiArgs $keystone }}
  apiServer:
    {{- with $apiArgs }}
    extraArgs:
      {{- include "builtin.args" (list $ .) | nindent 6 }}
    {{- end }}
    {{- if $keystone }}
    extraVolumes:
      - name: keystone-webhook
        hostPath: /etc/kubernetes/keystone
        mountPath: /etc/kubernetes/keystone
        readOnly: true
        pathType: DirectoryOrCreate
    {{- end }}
  {{- end }}
  controllerManager:
    extraArgs:
      {{- include "builtin.args" (list $ (dict "cloud-provider" "external" "bind-address" "0.0.0.0")) | nindent 6 }}
  scheduler:
    extraArgs:
      {{- include "builtin.args" (list $ (dict "bind-address" "0.0.0.0")) | nindent 6 }}
  etcd:
    local:
      {{- /* A file system has lost+found at its top, where etcd wants nothing but its own. */}}
      dataDir: {{ empty $etcdDisk | ternary .Values.etcd.dataDir "/var/lib/etcd-disk/etcd" }}
      {{- with .Values.etcd.extraArgs }}
      extraArgs:
        {{- include "builtin.args" (list $ .) | nindent 8 }}
      {{- end }}
initConfiguration:
  {{- include "builtin.nodeRegistration" (list . .Values.controlPlane "") | nindent 2 }}
joinConfiguration:
  {{- include "builtin.nodeRegistration" (list . .Values.controlPlane "") | nindent 2 }}
{{- if $etcdDisk }}
diskSetup:
  filesystems:
    - device: {{ $etcdDisk.device | default "/dev/vdb" }}
      filesystem: ext4
      label: etcd_disk
      overwrite: false
      extraOpts: ["-E", "lazy_itable_init=1,lazy_journal_init=1"]
mounts:
  - ["LABEL=etcd_disk", "/var/lib/etcd-disk"]
{{- end }}
{{- $files := include "builtin.machineFiles" . | trim }}
{{- if or $files $keystone }}
files:
  {{- with $files }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- if $keystone }}
  - path: /etc/kubernetes/keystone/webhook.yaml
    owner: root:root
    permissions: "0600"
    content: |
      apiVersion: v1
      kind: Config
      clusters:
        - name: keystone
          cluster:
            # The webhook listens on the machine itself, with a certificate of its own making.
            server: https://127.0.0.1:8443/webhook
            insecure-skip-tls-verify: true
      users:
        - name: kube-apiserver
      contexts:
        - name: keystone
          context:
            cluster: keystone
            user: kube-apiserver
      current-context: keystone
  {{- end }}
{{- end }}
{{- with include "builtin.machineCommands" . | trim }}
preKubeadmCommands:
  {{- . | nindent 2 }}
{{- end }}
{{- include "builtin.machineFormat" . }}
{{- end }}
