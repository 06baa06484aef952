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
