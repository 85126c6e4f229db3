{{/* What all pods share: security, settings, where they go. */}}

{{- define "cutwork.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ . }}
runAsGroup: {{ . }}
fsGroup: {{ . }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "cutwork.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* Takes root, component, values (of the component), class (of the chart's priority classes). */}}
{{- define "cutwork.scheduling" -}}
{{- $all := .root.Values.scheduling -}}
{{- with default $all.nodeSelector .values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with default $all.tolerations .values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with default $all.affinity .values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- $own := ternary (printf "%s-%s" (include "cutwork.fullname" .root) .class) "" .root.Values.priorityClasses.create }}
{{- with coalesce .values.priorityClassName $all.priorityClassName $own }}
priorityClassName: {{ . }}
{{- end }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: {{ $all.topologySpread.zone }}
    labelSelector:
      matchLabels: {{- include "cutwork.selector" (list .root .component) | nindent 8 }}
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: {{ $all.topologySpread.node }}
    labelSelector:
      matchLabels: {{- include "cutwork.selector" (list .root .component) | nindent 8 }}
{{- end -}}

{{/* Labels of a pod; takes root, component, reaches: what the network policies let it reach. */}}
{{- define "cutwork.podLabels" -}}
{{- /* Without the versions, so that pods are made anew only when something in them is new. */ -}}
{{ include "cutwork.selector" (list .root .component) }}
app.kubernetes.io/part-of: cutwork
{{- range .reaches }}
cutwork/{{ . }}: allowed
{{- end }}
{{- with .root.Values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Refuses settings that do not exist, or that are secret; takes root and a dict of settings. */}}
{{- define "cutwork.checkSettings" -}}
{{- $known := (index . 0).Files.Get "files/settings.json" | fromJson -}}
{{- range $name, $_ := index . 1 -}}
{{- if has $name $known.secret -}}{{- fail (printf "%s is secret: put it into the Secret, and its name into secret.keys." $name) -}}{{- end -}}
{{- if not (has $name $known.plain) -}}{{- fail (printf "%s is no setting: docs/settings.md lists them." $name) -}}{{- end -}}
{{- end -}}
{{- end -}}

{{/* Environment of Cutwork's processes: the ConfigMap, a file for each secret, and `env`, a dict, on top. */}}
{{- define "cutwork.environment" -}}
envFrom:
  - configMapRef: {name: {{ include "cutwork.fullname" .root }}-config}
env: {{- include "cutwork.env" . | nindent 2 }}
{{- end -}}

{{- define "cutwork.env" -}}
{{- range .root.Values.secret.keys }}
- {name: {{ . }}_FILE, value: /run/secrets/cutwork/{{ . }}}
{{- end }}
{{- range $name, $value := .env }}
- {name: {{ $name }}, value: {{ include "cutwork.text" $value | quote }}}
{{- end }}
{{- end -}}

{{/* Secrets and a place for temporary files; with `files`, the folder where there is no bucket, and the list of moderation. */}}
{{- define "cutwork.mounts" -}}
- {name: secrets, mountPath: /run/secrets/cutwork, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- if and .files .root.Values.storage.folder.enabled }}
- {name: files, mountPath: /srv/cutwork}
{{- end }}
{{- if and .files .root.Values.moderation.hashes.configMap }}
- {name: moderation, mountPath: /etc/cutwork/moderation, readOnly: true}
{{- end }}
{{- end -}}

{{- define "cutwork.volumes" -}}
- name: secrets
  secret:
    secretName: {{ .root.Values.secret.name }}
    defaultMode: 0440
    items:
      {{- $known := .root.Files.Get "files/settings.json" | fromJson }}
      {{- range .root.Values.secret.keys }}
      {{- if not (has . $known.secret) }}{{ fail (printf "secret.keys: %s is no secret setting; there are %s." . (join ", " $known.secret)) }}{{ end }}
      - {key: {{ . }}, path: {{ . }}}
      {{- end }}
- name: tmp
  emptyDir: {sizeLimit: 256Mi}
{{- if and .files .root.Values.storage.folder.enabled }}
- name: files
  persistentVolumeClaim:
    claimName: {{ default (printf "%s-files" (include "cutwork.fullname" .root)) .root.Values.storage.folder.existingClaim }}
{{- end }}
{{- if and .files .root.Values.moderation.hashes.configMap }}
- name: moderation
  configMap:
    name: {{ .root.Values.moderation.hashes.configMap }}
    items: [{key: {{ .root.Values.moderation.hashes.key }}, path: hashes}]
{{- end }}
{{- end -}}

{{/* The beginning of a pod's spec; takes root, account (its ServiceAccount), user. */}}
{{- define "cutwork.podSpec" -}}
{{- with .account }}
serviceAccountName: {{ . }}
{{- end }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .root.Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
securityContext: {{- include "cutwork.podSecurity" (.user | default .root.Values.runAsUser | int) | nindent 2 }}
{{- end -}}

{{/* Probes of what touches ALIVE_FILE. Patient: while the broker is away there is no sign of life, and no need to die. */}}
{{- define "cutwork.aliveProbes" -}}
startupProbe:
  exec: {command: [test, -e, /tmp/alive]}
  periodSeconds: 5
  failureThreshold: 60
readinessProbe:
  exec: {command: [sh, -c, 'test -n "$(find /tmp/alive -mmin -1)"']}
  periodSeconds: 20
  timeoutSeconds: 5
livenessProbe:
  exec: {command: [sh, -c, 'test -n "$(find /tmp/alive -mmin -10)"']}
  periodSeconds: 60
  timeoutSeconds: 5
  failureThreshold: 5
{{- end -}}
