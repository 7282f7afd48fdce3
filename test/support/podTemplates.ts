/** podTemplates for tests of what pods may have. */

const sidecar = (container: object) => ({ sidecars: [{ name: 'helper', image: 'i', ...container }] });
const volume = (source: object) => ({ volumes: [{ name: 'v', ...source }] });
const projected = (source: object) => volume({ projected: { sources: [source] } });

export const ALLOWED_POD_TEMPLATES: readonly object[] = [
  {},
  {
    labels: { team: 'a' },
    securityContext: { runAsUser: 1000, fsGroup: 1000, seccompProfile: { type: 'Localhost' } },
    env: [
      { name: 'A', value: 'b' },
      { name: 'C', valueFrom: { configMapKeyRef: { name: 'c', key: 'd' } } },
    ],
    volumes: [
      { name: 'a', emptyDir: {} },
      { name: 'b', configMap: { name: 'c' } },
      { name: 'c', projected: { sources: [{ configMap: { name: 'c' } }, { downwardAPI: {} }] } },
    ],
    sidecars: [
      {
        name: 'logs',
        image: 'fluent-bit',
        ports: [{ containerPort: 1 }],
        livenessProbe: { httpGet: { path: '/', port: 1 } },
        securityContext: { capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } },
      },
    ],
  },
];

/** Security contexts, by the field that is forbidden. */
const CONTEXTS: readonly (readonly [path: string, context: object])[] = [
  ['privileged', { privileged: true }],
  ['allowPrivilegeEscalation', { allowPrivilegeEscalation: true }],
  ['runAsNonRoot', { runAsNonRoot: false }],
  ['runAsUser', { runAsUser: 0 }],
  ['runAsGroup', { runAsGroup: 0 }],
  ['fsGroup', { fsGroup: 0 }],
  ['supplementalGroups[1]', { supplementalGroups: [5, 0] }],
  ['seccompProfile.type', { seccompProfile: { type: 'Unconfined' } }],
  ['appArmorProfile.type', { appArmorProfile: { type: 'Unconfined' } }],
  ['procMount', { procMount: 'Unmasked' }],
  ['seLinuxOptions', { seLinuxOptions: { type: 'spc_t' } }],
  ['windowsOptions', { windowsOptions: { hostProcess: true } }],
  ['capabilities.add[0]', { capabilities: { add: ['SYS_ADMIN'] } }],
  ['sysctls[0].name', { sysctls: [{ name: 'kernel.msgmax', value: '1' }] }],
];

const fromSecret = { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'b', key: 'c' } } }] };

/** podTemplates, by the one path in them that is forbidden. */
export const FORBIDDEN_POD_TEMPLATES: readonly (readonly [path: string, podTemplate: object])[] = [
  ...CONTEXTS.flatMap(([path, securityContext]) => [
    [`securityContext.${path}`, { securityContext }] as const,
    [`sidecars[0].securityContext.${path}`, sidecar({ securityContext })] as const,
  ]),
  ['env[0].valueFrom.secretKeyRef', fromSecret],
  ['sidecars[0].env[0].valueFrom.secretKeyRef', sidecar(fromSecret)],
  ['sidecars[0].envFrom[0].secretRef', sidecar({ envFrom: [{ secretRef: { name: 's' } }] })],
  ['sidecars[0].ports[0].hostPort', sidecar({ ports: [{ hostPort: 80 }] })],
  ...['livenessProbe', 'readinessProbe', 'startupProbe'].flatMap((probe) =>
    (['httpGet', 'tcpSocket'] as const).map(
      (call) =>
        [`sidecars[0].${probe}.${call}.host`, sidecar({ [probe]: { [call]: { host: 'h' } } })] as const,
    ),
  ),
  ...['postStart', 'preStop'].flatMap((hook) =>
    (['httpGet', 'tcpSocket'] as const).map(
      (call) =>
        [
          `sidecars[0].lifecycle.${hook}.${call}.host`,
          sidecar({ lifecycle: { [hook]: { [call]: { host: 'h' } } } }),
        ] as const,
    ),
  ),
  ['volumes[0]', volume({ hostPath: { path: '/' } })],
  ['volumes[0]', volume({ secret: { secretName: 's' } })],
  ['volumes[0]', volume({ csi: { driver: 'secrets-store.csi.k8s.io' } })],
  ['volumes[0]', volume({ nfs: { server: 's', path: '/' } })],
  ['volumes[0]', volume({ 'a kind of the future': {} })],
  ['volumes[0].projected.sources[0]', projected({ secret: { name: 's' } })],
  ['volumes[0].projected.sources[0]', projected({ serviceAccountToken: { path: 't' } })],
  ['volumes[0].projected.sources[0]', projected({ clusterTrustBundle: { path: 't' } })],
];
