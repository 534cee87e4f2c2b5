{{/* What all pods have in common: image, rights, configuration, secrets. Nothing of it is written to but /data. */}}
{{- define "spokemq.image" -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}

{{- define "spokemq.podRights" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: { type: RuntimeDefault }
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "spokemq.containerRights" -}}
image: {{ include "spokemq.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end -}}

{{/* Of docs/configuration.md, over the file. */}}
{{- define "spokemq.env" -}}
- name: SPOKE_CONFIG
  value: /etc/spokemq/config/spokemq.yaml
- name: SPOKE_METADATA_IN_BROKER
  value: {{ not .Values.metadata.enabled | quote }}
{{- with .Values.secrets.kafkaPassword }}
{{- if .name }}
- name: SPOKE_KAFKA_SASL_PASSWORD
  valueFrom:
    secretKeyRef: { name: {{ .name }}, key: {{ .key }} }
{{- end }}
{{- end }}
{{- with .Values.secrets.schemaRegistryUrl }}
{{- if .name }}
- name: SPOKE_SCHEMA_REGISTRY_URL
  valueFrom:
    secretKeyRef: { name: {{ .name }}, key: {{ .key }} }
{{- end }}
{{- end }}
{{- end -}}

{{- define "spokemq.mounts" -}}
- { name: data, mountPath: /data }
- { name: config, mountPath: /etc/spokemq/config, readOnly: true }
{{- if .Values.secrets.kafkaTls }}
- { name: kafka-tls, mountPath: /etc/spokemq/kafka, readOnly: true }
{{- end }}
{{- end -}}

{{/* Called with the name of the ConfigMap as "config" beside the root. */}}
{{- define "spokemq.volumes" -}}
- name: data
  emptyDir: { sizeLimit: 64Mi }
- name: config
  configMap: { name: {{ .config }} }
{{- with .root.Values.secrets.kafkaTls }}
- name: kafka-tls
  secret: { secretName: {{ . }}, defaultMode: 0440 }
{{- end }}
{{- end -}}

{{/* Pods start anew when the configuration changes; users and certificates are taken over without. */}}
{{- define "spokemq.configChecksum" -}}
checksum/config: {{ toYaml .Values.config | sha256sum }}
{{- end -}}
