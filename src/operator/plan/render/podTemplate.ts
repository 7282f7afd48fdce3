import type * as z from 'zod';
import type { resources as resourcesSchema } from '../../resource/fields.ts';
import type { podTemplate as podTemplateSchema } from '../../resource/podTemplateSpec.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { type Component, labels as labelNames, selectorLabels, stackLabels } from '../facts/names.ts';

type Overrides = z.output<typeof podTemplateSchema>;
/** Requests and limits of a container; undefined without any. */
export type Resources = z.output<typeof resourcesSchema> | undefined;

export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: Record<string, unknown>;
}

export interface PodInput {
  /** Name of the stack. */
  readonly stack: string;
  readonly imagePullSecrets: WhatsAppDeployment['spec']['imagePullSecrets'];
  /** Client version that the pod runs, for its label. */
  readonly version?: string | undefined;
  readonly component: Component;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly container: {
    readonly image: string;
    readonly command?: readonly string[];
    readonly args?: readonly string[];
    readonly env: readonly EnvVar[];
    readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
    readonly volumeMounts?: readonly Record<string, unknown>[];
    readonly startupProbe?: Record<string, unknown>;
    readonly readinessProbe?: Record<string, unknown>;
    readonly livenessProbe?: Record<string, unknown>;
  };
  readonly volumes?: readonly Record<string, unknown>[];
  readonly resources?: Resources;
  readonly overrides?: Overrides | undefined;
  readonly restartPolicy?: 'Always' | 'OnFailure';
  readonly serviceAccountName?: string;
  readonly terminationGracePeriodSeconds?: number;
  /** Prefer different machines for the pods of one role. */
  readonly spread?: boolean;
  /** The vendor's images run as root, so the restricted profile cannot apply. */
  readonly vendor?: boolean;
  /** User and group of the processes and of the files that they write. */
  readonly user?: number;
}

const USER = 65_532;

/** Security context of our own images: the restricted pod security profile, and port 443 without privileges. */
export const restricted = (user = USER) => ({
  pod: {
    runAsNonRoot: true,
    runAsUser: user,
    runAsGroup: user,
    fsGroup: user,
    fsGroupChangePolicy: 'OnRootMismatch',
    seccompProfile: { type: 'RuntimeDefault' },
    sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }],
  },
  container: {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  },
});

/** The strictest security context under which the vendor's images are known to start. */
const vendorProfile = {
  pod: { seccompProfile: { type: 'RuntimeDefault' } },
  container: { allowPrivilegeEscalation: false, capabilities: { drop: ['MKNOD'] } },
} as const;

export function podTemplate(input: PodInput): Record<string, unknown> {
  const { stack, component, container, imagePullSecrets, overrides = {} } = input;
  const profile = input.vendor ? vendorProfile : restricted(input.user);
  // Affinity of the user's own replaces the default: two wishes for places could contradict each other.
  const constraints =
    overrides.topologySpreadConstraints ??
    (input.spread && !overrides.affinity
      ? [
          {
            maxSkew: 1,
            topologyKey: 'kubernetes.io/hostname',
            whenUnsatisfiable: 'ScheduleAnyway',
            labelSelector: { matchLabels: selectorLabels(stack, component) },
          },
        ]
      : undefined);
  const spread = constraints ? { topologySpreadConstraints: constraints } : {};
  const {
    labels = {},
    annotations = {},
    env = [],
    volumes = [],
    sidecars = [],
    securityContext,
    topologySpreadConstraints: _,
    ...scheduling
  } = overrides;
  return {
    metadata: {
      labels: {
        ...labels,
        ...stackLabels(stack, component),
        ...(input.version ? { [labelNames.version]: input.version } : {}),
        ...input.labels,
      },
      annotations: { ...annotations, ...input.annotations },
    },
    spec: {
      ...scheduling,
      ...spread,
      serviceAccountName: input.serviceAccountName ?? stack,
      automountServiceAccountToken: false,
      // The variables that Kubernetes injects for Services broke the vendor's start script.
      enableServiceLinks: false,
      terminationGracePeriodSeconds: input.terminationGracePeriodSeconds ?? 30,
      ...(input.restartPolicy ? { restartPolicy: input.restartPolicy } : {}),
      ...(imagePullSecrets ? { imagePullSecrets } : {}),
      securityContext: { ...profile.pod, ...securityContext },
      containers: [
        {
          name: component,
          ...container,
          env: [...container.env, ...env],
          securityContext: profile.container,
          ...(input.resources ? { resources: input.resources } : {}),
        },
        ...sidecars,
      ],
      ...(input.volumes || volumes.length > 0 ? { volumes: [...(input.volumes ?? []), ...volumes] } : {}),
    },
  };
}
