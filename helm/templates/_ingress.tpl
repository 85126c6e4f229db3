{{/* Takes root, component, values (an `ingress`), port (a name), paths (pairs of type and path). */}}
{{- define "cutwork.ingress" -}}
{{- if not .values.hosts }}{{ fail (printf "%s.ingress.hosts must name a host." .component) }}{{ end -}}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  {{- include "cutwork.metadata" (list .root .component) | nindent 2 }}
  {{- with .values.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- with .values.className }}
  ingressClassName: {{ . }}
  {{- end }}
  {{- with .values.tls }}
  tls: {{- toYaml . | nindent 4 }}
  {{- end }}
  rules:
    {{- $it := . }}
    {{- range .values.hosts }}
    - host: {{ . | quote }}
      http:
        paths:
          {{- range $it.paths }}
          - path: {{ index . 1 }}
            pathType: {{ index . 0 }}
            backend:
              service:
                name: {{ include "cutwork.fullname" $it.root }}-{{ $it.component }}
                port: {name: http}
          {{- end }}
    {{- end }}
{{- end -}}
