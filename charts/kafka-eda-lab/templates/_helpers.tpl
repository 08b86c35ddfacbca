{{/* Labels of everything in the chart; pods of the operator are found by app.kubernetes.io/name. */}}
{{- define "kafka-eda-lab.labels" -}}
{{ include "kafka-eda-lab.selector" . }}
app.kubernetes.io/component: operator
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "kafka-eda-lab.selector" -}}
app.kubernetes.io/name: kafka-eda-lab
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "kafka-eda-lab.name" -}}
{{ printf "%s-operator" .Release.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* What the operator may do where it serves labs; each line is a call that its code makes. */}}
{{- define "kafka-eda-lab.rules" -}}
# patch is the simulator's: an account gives others no more than it holds itself.
- apiGroups: [edalab.dev]
  resources: [edalabs]
  verbs: [get, list, watch, patch]
- apiGroups: [edalab.dev]
  resources: [edalabs/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [configmaps, services, serviceaccounts]
  verbs: [get, list, watch, create, patch, update, delete]
- apiGroups: [apps]
  resources: [statefulsets, deployments]
  verbs: [get, list, watch, create, patch, update, delete]
- apiGroups: [rbac.authorization.k8s.io]
  resources: [roles, rolebindings]
  verbs: [get, list, watch, create, patch, update, delete]
# Read only: what is in the way of a pod is told in the lab's status.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
# The dashboard's: it shows what pods write.
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
- apiGroups: [""]
  resources: [persistentvolumeclaims, events]
  verbs: [list]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}
