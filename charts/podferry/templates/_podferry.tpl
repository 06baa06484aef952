{{/* Labels of every object. */}}
{{- define "podferry.labels" -}}
app.kubernetes.io/name: podferry
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* By which a part's pods are found. Takes the component's name; fixed, whatever the release is called. */}}
{{- define "podferry.selector" -}}
app.kubernetes.io/name: podferry
app.kubernetes.io/component: {{ . }}
{{- end }}

{{- define "podferry.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Metadata of the pods of a part. Takes root, name and part (its values). */}}
{{- define "podferry.podMetadata" -}}
labels:
  {{- include "podferry.labels" .root | nindent 2 }}
  app.kubernetes.io/component: {{ .name }}
  {{- with .part.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .part.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* What both parts say of where their pods go. Takes root and part. */}}
{{- define "podferry.placement" -}}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .part.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .part.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .part.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Node affinity: the image is of these, and others have no agent. */}}
{{- define "podferry.architectures" -}}
nodeAffinity:
  requiredDuringSchedulingIgnoredDuringExecution:
    nodeSelectorTerms:
      - matchExpressions:
          - {key: kubernetes.io/arch, operator: In, values: [amd64, arm64]}
{{- end }}

{{/*
The container that makes a node ready, or takes that back: uninstall has to look where install has been. Takes root and
verb.
*/}}
{{- define "podferry.installer" -}}
{{- with .root.Values -}}
- name: {{ $.verb }}
  image: {{ include "podferry.image" $.root }}
  imagePullPolicy: {{ .image.pullPolicy }}
  command: [node, agent/install/main.ts, {{ $.verb }}]
  args:
    - --node=$(NODE_NAME)
    - --host-root=/host
    - --wrapper={{ .installer.wrapper }}
    - --criu={{ .installer.criu }}
    - --containerd={{ .containerd.socket }}
    - --containerd-config={{ .containerd.config }}
    - --containerd-program={{ .containerd.program }}
    - --systemd-unit={{ .containerd.systemdUnit }}
    {{- with .containerd.runc }}
    - --runc={{ . }}
    {{- end }}
    - {{ printf "--restart-command=%s" .installer.restartCommand | quote }}
    - --lease=podferry-installer
    - --namespace={{ $.root.Release.Namespace }}
    {{- range .installer.extraArgs }}
    - {{ . | quote }}
    {{- end }}
  env:
    - name: NODE_NAME
      valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
  # What it has said last is the pod's status then, also on a node that does not show its logs.
  terminationMessagePolicy: FallbackToLogsOnError
  securityContext:
    privileged: true
  volumeMounts:
    - {name: host, mountPath: /host}
    # The only one that asks the API server anything: whose turn it is to restart containerd.
    - {name: api, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
{{- end -}}
{{- end }}

{{- define "podferry.installerVolumes" -}}
- name: host
  hostPath: {path: /, type: Directory}
- name: api
  projected:
    defaultMode: 0400
    sources:
      - serviceAccountToken: {path: token, expirationSeconds: 3600}
      - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
      - downwardAPI: {items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]}
{{- end }}

{{/*
Objects of a file, which says what they are for a cluster without this chart, too: here they get labels, roles of a
namespace the release's, and bindings our ServiceAccount. Takes root and file.
*/}}
{{- define "podferry.objects" -}}
{{- $root := .root -}}
{{- range splitList "\n---\n" ($root.Files.Get .file) }}
{{- $object := fromYaml . }}
{{- if hasKey $object "Error" }}{{ fail (printf "%s is no YAML: %s" $.file $object.Error) }}{{ end }}
{{- $labels := merge (dict) ($object.metadata.labels | default dict) (include "podferry.labels" $root | fromYaml) }}
{{- $_ := set $object.metadata "labels" $labels }}
{{- if hasKey $object.metadata "namespace" }}
{{- $_ := set $object.metadata "namespace" $root.Release.Namespace }}
{{- end }}
{{- if hasKey $object "subjects" }}
{{- $account := dict "kind" "ServiceAccount" "name" "podferry-coordinator" "namespace" $root.Release.Namespace }}
{{- $_ := set $object "subjects" (list $account) }}
{{- end }}
---
{{ toYaml $object }}
{{- end }}
{{- end }}

{{/* When helm makes what helm uninstall needs of its own, and that it goes when all has gone well. Takes the weight. */}}
{{- define "podferry.uninstallHook" -}}
helm.sh/hook: pre-delete
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}

{{/* Whether PodMigrations and PodCheckpoints outlive the release; empty: they don't. */}}
{{- define "podferry.keepsResources" -}}
{{- if or (not .Values.crds.install) .Values.crds.keep }}true{{ end }}
{{- end }}
