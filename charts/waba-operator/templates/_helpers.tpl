{{- define "waba.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 53 | trimSuffix "-" -}}
{{- end -}}

{{- define "waba.fullname" -}}
{{- $name := include "waba.name" . -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- .Values.fullnameOverride | default $full | trunc 53 | trimSuffix "-" -}}
{{- end -}}

{{- define "waba.serviceAccount" -}}
{{- $default := ternary (include "waba.fullname" .) "default" .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default $default -}}
{{- end -}}

{{/* Leases beside that of the leader: none while the namespaces are not divided. */}}
{{- define "waba.shardLeases" -}}
{{- $names := list -}}
{{- if gt (int .Values.sharding.shards) 1 -}}
{{- $full := include "waba.fullname" . -}}
{{- range $shard := until (int .Values.sharding.shards) }}{{ $names = append $names (printf "%s-shard-%d" $full $shard) }}{{ end -}}
{{- $names = append $names (printf "%s-replicas" $full) -}}
{{- end -}}
{{ toJson $names }}
{{- end -}}

{{- define "waba.selector" -}}
app.kubernetes.io/name: {{ include "waba.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "waba.labels" -}}
{{ include "waba.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "waba.metadata" -}}
name: {{ include "waba.fullname" . }}
labels: {{- include "waba.labels" . | nindent 2 }}
{{- end -}}

{{/* repository@digest, or repository:tag, where the tag defaults to the app version: (list $ .Values.image) */}}
{{- define "waba.image" -}}
{{- $chart := (index . 0).Chart -}}
{{- $image := index . 1 -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default $chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* Namespaces that get Roles: the listed ones; with scope Namespaces and none listed, that of the release. */}}
{{- define "waba.namespaces" -}}
{{- $listed := .Values.watch.namespaces | uniq -}}
{{- if and (eq .Values.watch.scope "Namespaces") (not $listed) -}}
{{- $listed = list .Release.Namespace -}}
{{- end -}}
{{ toJson $listed }}
{{- end -}}

{{/* The names of the operators whose database clusters stacks may use. */}}
{{- define "waba.databaseOperators" -}}
{{- $names := list -}}
{{- range $name, $allowed := .Values.databaseOperators }}{{ if $allowed }}{{ $names = append $names $name }}{{ end }}{{ end -}}
{{ toJson $names }}
{{- end -}}

{{/* Permissions in every watched namespace: with scope All in the whole cluster, so they change nothing but the status. */}}
{{- define "waba.rules" -}}
- apiGroups: [waba-operator.dev]
  resources: [whatsappdeployments, whatsappbackups, whatsappfleets]
  verbs: [get, list, watch]
- apiGroups: [waba-operator.dev]
  resources: [whatsappdeployments/status, whatsappbackups/status, whatsappfleets/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [services, serviceaccounts, persistentvolumeclaims, pods]
  verbs: [get, list, watch]
- apiGroups: [apps]
  resources: [deployments, statefulsets]
  verbs: [get, list, watch]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch]
# Used only by resources with nodes.webapp.autoscaling.
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch]
# Used only by resources with exposure, tls.issuerRef or monitoring.podMonitor.
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes, tlsroutes, backendtlspolicies]
  verbs: [get, list, watch]
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [get, list, watch]
- apiGroups: [cert-manager.io]
  resources: [certificates]
  verbs: [get, list, watch]
- apiGroups: [monitoring.coreos.com]
  resources: [podmonitors]
  verbs: [get, list, watch]
{{- with .Values.databaseOperators }}
{{- if .cloudNativePG }}
- apiGroups: [postgresql.cnpg.io]
  resources: [clusters]
  verbs: [get, list, watch]
{{- end }}
{{- if .mysqlOperator }}
- apiGroups: [mysql.oracle.com]
  resources: [innodbclusters]
  verbs: [get, list, watch]
{{- end }}
{{- if .mariadbOperator }}
- apiGroups: [k8s.mariadb.com]
  resources: [mariadbs, users, grants]
  verbs: [get, list, watch]
{{- end }}
{{- end }}
{{- end -}}

{{/* Permissions only in enabled namespaces: all others that change something, and Secrets. */}}
{{- define "waba.namespaceRules" -}}
- apiGroups: [waba-operator.dev]
  resources: [whatsappdeployments]
  verbs: [patch]
# Scheduled backups are created, and deleted when their retention ends.
- apiGroups: [waba-operator.dev]
  resources: [whatsappbackups]
  verbs: [create, patch, delete]
# Needed to set owner references with blockOwnerDeletion.
- apiGroups: [waba-operator.dev]
  resources: [whatsappdeployments/finalizers, whatsappbackups/finalizers]
  verbs: [update]
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, update, delete]
- apiGroups: [""]
  resources: [services, serviceaccounts, persistentvolumeclaims]
  verbs: [create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [delete]
# The last lines of a container that does not run go into the status, without the values of Secrets.
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
- apiGroups: [""]
  resources: [events]
  # Only events tell why Kubernetes cannot create a pod or a volume.
  verbs: [list, create, patch]
- apiGroups: [apps]
  resources: [deployments, statefulsets]
  verbs: [create, patch, delete]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [create, patch, delete]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [create, patch, delete]
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes, tlsroutes, backendtlspolicies]
  verbs: [create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [ingresses]
  verbs: [create, patch, delete]
# The authority of the Webapps, for Gateways.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [cert-manager.io]
  resources: [certificates]
  verbs: [create, patch, delete]
- apiGroups: [monitoring.coreos.com]
  resources: [podmonitors]
  verbs: [create, patch, delete]
{{- if .Values.databaseOperators.cloudNativePG }}
- apiGroups: [postgresql.cnpg.io]
  resources: [clusters]
  verbs: [create, patch, delete]
{{- end }}
{{- if .Values.databaseOperators.mysqlOperator }}
- apiGroups: [mysql.oracle.com]
  resources: [innodbclusters]
  verbs: [create, patch, delete]
{{- end }}
{{- if .Values.databaseOperators.mariadbOperator }}
- apiGroups: [k8s.mariadb.com]
  resources: [mariadbs, users, grants]
  verbs: [create, patch, delete]
{{- end }}
# This Lease names the installation of the operator that is active in a namespace.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [get, create, update, delete]
{{- end -}}

{{- define "waba.subjects" -}}
- kind: ServiceAccount
  name: {{ include "waba.serviceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}
