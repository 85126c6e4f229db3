{{/* Names and labels. Selectors never change between versions: Kubernetes refuses that. */}}

{{- define "cutwork.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Takes a list of root and component. */}}
{{- define "cutwork.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ default $root.Chart.Name $root.Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "cutwork.labels" -}}
{{- $root := index . 0 -}}
{{ include "cutwork.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: cutwork
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Takes a list of root, component: an object's name and labels. */}}
{{- define "cutwork.metadata" -}}
name: {{ include "cutwork.fullname" (index . 0) }}-{{ index . 1 }}
namespace: {{ (index . 0).Release.Namespace }}
labels: {{- include "cutwork.labels" . | nindent 2 }}
{{- end -}}

{{/* Takes a list of root and `api` or `worker`. */}}
{{- define "cutwork.image" -}}
{{- $root := index . 0 -}}
{{- $image := index $root.Values.images (index . 1) -}}
{{- $image.repository }}:{{ default $root.Chart.AppVersion $image.tag }}{{ with $image.digest }}@{{ . }}{{ end }}
{{- end -}}

{{/* Takes a list of root and `api`, `worker` or `backup`. */}}
{{- define "cutwork.serviceAccount" -}}
{{- $root := index . 0 -}}
{{- $account := index $root.Values.serviceAccounts (index . 1) -}}
{{- default (printf "%s-%s" (include "cutwork.fullname" $root) (index . 1)) $account.name -}}
{{- end -}}

{{/* host:port of the broker for KEDA. */}}
{{- define "cutwork.redisAddress" -}}
{{- if .Values.keda.redis.address -}}
{{ .Values.keda.redis.address }}
{{- else if .Values.valkey.enabled -}}
{{ include "cutwork.fullname" . }}-valkey.{{ .Release.Namespace }}.svc:6379
{{- else -}}
{{- fail "keda.redis.address must be host:port of the broker, or keda.enabled false, or valkey.enabled true." -}}
{{- end -}}
{{- end -}}

{{/* Not empty when workers are scaled by KEDA. */}}
{{- define "cutwork.keda" -}}
{{- if and .Values.keda.enabled (.Capabilities.APIVersions.Has "keda.sh/v1alpha1") -}}yes{{- end -}}
{{- end -}}

{{/* A value as text. Numbers of a values file are floating point, which by itself is printed as 1.6777216e+07. */}}
{{- define "cutwork.text" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) -}}{{ printf "%.0f" . }}{{- else -}}{{ . | toString }}{{- end -}}
{{- end -}}

{{/* Mebibytes of a quantity such as 4Gi or 512Mi; takes the text. */}}
{{- define "cutwork.mebibytes" -}}
{{- if hasSuffix "Gi" . -}}{{ mulf (trimSuffix "Gi" . | float64) 1024 | int }}
{{- else if hasSuffix "Mi" . -}}{{ trimSuffix "Mi" . | int }}
{{- else -}}{{- fail (printf "Say memory limits of workers in Mi or Gi, not as %s: what a stage may use is computed from them." .) -}}
{{- end -}}
{{- end -}}

{{/* A pool's values, and what the registry says of it under `registry`, as JSON; takes a list of root and pool. */}}
{{- define "cutwork.pool" -}}
{{- $root := index . 0 -}}
{{- $name := index . 1 -}}
{{- $registry := index (($root.Files.Get "files/stages.json" | fromJson).pools) $name -}}
{{- $own := default dict (index $root.Values.workers.pools $name) -}}
{{- $pool := mustMergeOverwrite (deepCopy $root.Values.workers.defaults) (deepCopy $own) -}}
{{- $_ := set $pool "registry" $registry -}}
{{- $_ := set $pool "processes" (default $registry.processes ($pool.processes | int) | int) -}}
{{- $_ := set $pool "grace" (min ($pool.shutdownGraceSeconds | int) ($registry.longest_s | int) | int) -}}
{{- $_ := set $pool "scales" (and $registry.scales $pool.autoscaling.enabled) -}}
{{- $pool | toJson -}}
{{- end -}}
