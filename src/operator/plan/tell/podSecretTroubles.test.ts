import { describe, expect, it } from 'vitest';
import { cloudSpec } from '../../../../test/support/cloudSpec.ts';
import { podView } from '../../../../test/support/podView.ts';
import { NOW_MS, release, StackModel } from '../../../../test/support/stackModel.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { OWN_CONTAINERS } from '../../resource/podTemplateSpec.ts';
import { planWorkloads } from '../decide/workloads.ts';
import type { Observed, PodProblem, PodView, ReferencedSecret } from '../facts/observed.ts';
import { podSecretNames } from '../facts/podSecrets.ts';
import { nextTroubleMs } from './troubles.ts';

type Role = (typeof OWN_CONTAINERS)[number];
type Condition = 'DatabaseReady' | 'SchemaReady' | 'WorkloadsReady';

/** Where each role has its podTemplate, and which condition tells of its pods. The compiler demands every role. */
const ROLES: {
  readonly [R in Role]: { field: string; condition: Condition; spec: (podTemplate: object) => object };
} = {
  webapp: {
    field: 'spec.nodes.webapp.podTemplate',
    condition: 'WorkloadsReady',
    spec: (podTemplate) => ({ nodes: { webapp: { podTemplate } } }),
  },
  master: {
    field: 'spec.nodes.master.podTemplate',
    condition: 'WorkloadsReady',
    spec: (podTemplate) => ({ nodes: { master: { podTemplate } } }),
  },
  coreapp: {
    field: 'spec.nodes.coreapp.podTemplate',
    condition: 'WorkloadsReady',
    spec: (podTemplate) => ({ nodes: { coreapp: { podTemplate } } }),
  },
  gateway: {
    field: 'spec.cloud.gateway.podTemplate',
    condition: 'WorkloadsReady',
    spec: (podTemplate) => ({ stack: 'Cloud', cloud: { ...cloudSpec(), gateway: { podTemplate } } }),
  },
  schema: {
    field: 'spec.nodes.schema.podTemplate',
    condition: 'SchemaReady',
    spec: (podTemplate) => ({ nodes: { schema: { podTemplate } } }),
  },
  database: {
    field: 'spec.database.managed.podTemplate',
    condition: 'DatabaseReady',
    spec: (podTemplate) => ({ database: { managed: { podTemplate } } }),
  },
  network: {
    field: 'spec.emulator.network.podTemplate',
    condition: 'WorkloadsReady',
    spec: (podTemplate) => ({ emulator: { network: { podTemplate } } }),
  },
};

const sidecar = (container: object) => ({ sidecars: [{ name: 'helper', image: 'i', ...container }] });
const fromKey = { env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'mine', key: 'value' } } }] };
const volume = (source: object) => ({ volumes: [{ name: 'v', ...source }] });

/** Ways to name the Secret `mine` in a podTemplate, by the field, with the key that it must have. */
const USES: readonly (readonly [field: string, podTemplate: object, key?: string])[] = [
  ['env[0].valueFrom.secretKeyRef', fromKey, 'value'],
  ['volumes[0].secret', volume({ secret: { secretName: 'mine' } })],
  [
    'volumes[0].secret',
    volume({ secret: { secretName: 'mine', items: [{ key: 'value', path: 'p' }] } }),
    'value',
  ],
  [
    'volumes[0].projected.sources[0].secret',
    volume({ projected: { sources: [{ secret: { name: 'mine' } }] } }),
  ],
  [
    'volumes[0].csi.nodePublishSecretRef',
    volume({ csi: { driver: 'd', nodePublishSecretRef: { name: 'mine' } } }),
  ],
  ['sidecars[0].envFrom[0].secretRef', sidecar({ envFrom: [{ secretRef: { name: 'mine' } }] })],
  ['sidecars[0].env[0].valueFrom.secretKeyRef', sidecar(fromKey), 'value'],
];
/** A Job with a sidecar would never end, so the schema Job takes none. */
const EVERY_USE = OWN_CONTAINERS.flatMap((role) =>
  USES.map(([field, podTemplate, key]) => ({ role, field, podTemplate, key })),
).filter(({ role, field }) => !(role === 'schema' && field.startsWith('sidecars')));

const secretNamed = (data: Record<string, string> | undefined): ReadonlyMap<string, ReferencedSecret> =>
  new Map([['mine', { name: 'mine', data }]]);
const problem = (reason: PodProblem['reason']): PodProblem => ({
  reason,
  text: 'what Kubernetes says',
  sinceMs: NOW_MS - 60_000,
});

/** A stack whose pods of one role do not start, as they are told in the condition of the role. */
function waiting(
  role: Role,
  spec: object,
  referenced: ReadonlyMap<string, ReferencedSecret>,
  pod: Partial<PodView> = {},
) {
  const model = new StackModel(whatsAppDeployment({ spec }), referenced);
  model.settle();
  // The schema Job and the network process have no pod in the model.
  const [live = podView({ name: `shop-${role}-0`, component: role }), ...same] = model.pods.filter(
    ({ component }) => component === role,
  );
  const held = { ...live, ready: false, runningSinceMs: undefined, createdMs: NOW_MS - 20_000, ...pod };
  const children = new Map<string, KubeObject>(
    [...model.children].map(([key, object]) => [
      key,
      isOfRole(object, role) ? { ...object, status: STARTING } : object,
    ]),
  );
  const others = model.pods.filter(({ component }) => component !== role);
  const journal = role === 'schema' ? { ...model.journal, schemaDone: undefined } : model.journal;
  const changes: Partial<Observed> =
    role === 'network'
      ? { sharedPods: [held], children }
      : { pods: [...others, ...same, held], children, journal };
  const observed = model.observed(changes);
  const { condition } = ROLES[role];
  const verdict = planWorkloads(observed, release)
    .steps.map((step) => step.verdict)
    .find(({ type }) => type === condition);
  return { observed, verdict };
}
const STARTING = { observedGeneration: 99, replicas: 1, updatedReplicas: 1, readyReplicas: 0 };
const isOfRole = ({ metadata }: KubeObject, role: Role) =>
  metadata.labels?.['app.kubernetes.io/component'] === role;

describe('a Secret that a podTemplate names', () => {
  it.each(EVERY_USE)(
    'is told with role and field while it is missing: $role $field',
    ({ role, field, podTemplate, key }) => {
      const spec = ROLES[role].spec(podTemplate);
      const at = `${ROLES[role].field}.${field}`;
      const absent = waiting(role, spec, secretNamed(undefined)).verdict;
      expect(absent).toMatchObject({ status: 'False', reason: 'SecretMissing' });
      expect(absent?.message).toContain(`of role ${role} waits: Secret mine does not exist (${at})`);
      expect(absent?.message).toContain('kubectl -n default create secret generic mine ');
      const { message = '' } = waiting(role, spec, secretNamed({ other: 'x' })).verdict ?? {};
      if (key === undefined) expect(message).not.toContain('mine');
      else expect(message).toContain(`Secret mine has no key value (${at})`);
      const there = waiting(role, spec, secretNamed({ value: 'x' })).verdict;
      expect([there?.reason, there?.message]).not.toContain('SecretMissing');
      expect(there?.message).not.toContain('mine');
      // The operator reads the Secret, and looks again when it changes.
      expect(podSecretNames(spec).filter((name) => name !== 'meta')).toEqual(['mine']);
    },
  );

  it.each(OWN_CONTAINERS)('for images is told once the image of the role cannot be pulled: %s', (role) => {
    const spec = {
      ...(role === 'gateway' ? { stack: 'Cloud', cloud: cloudSpec() } : {}),
      imagePullSecrets: [{ name: 'mine' }],
    };
    const pulling = waiting(role, spec, secretNamed(undefined), {
      problem: problem('ImagePullFailed'),
    }).verdict;
    expect(pulling).toMatchObject({ status: 'False', reason: 'SecretMissing' });
    expect(pulling?.message).toContain(
      `of role ${role} waits: Secret mine does not exist (spec.imagePullSecrets[0]); create it: kubectl -n default create secret docker-registry mine `,
    );
    expect(pulling?.message).toContain('(what Kubernetes says)');
    // A public image needs no credentials, and pods take time to start for other reasons.
    expect(waiting(role, spec, secretNamed(undefined)).verdict?.message).not.toContain('mine');
    expect(podSecretNames(spec).filter((name) => name !== 'meta')).toEqual(['mine']);
  });

  it('is not blamed if it is optional, if the pod runs, or if the observer did not look', () => {
    const spec = ROLES.webapp.spec(fromKey);
    const optional = volume({ secret: { secretName: 'mine', optional: true } });
    for (const { verdict } of [
      waiting('webapp', ROLES.webapp.spec(optional), secretNamed(undefined)),
      waiting('webapp', spec, secretNamed(undefined), { runningSinceMs: NOW_MS - 1_000 }),
      waiting('webapp', spec, new Map()),
    ])
      expect(verdict?.message).not.toContain('mine');
  });

  it('is only mentioned at first, because both may be applied at once', () => {
    const { observed, verdict } = waiting('webapp', ROLES.webapp.spec(fromKey), secretNamed(undefined), {
      createdMs: NOW_MS - 4_000,
    });
    expect(verdict?.reason).not.toBe('SecretMissing');
    expect(verdict?.message).toContain('Secret mine does not exist');
    expect(nextTroubleMs(observed)).toBe(NOW_MS + 6_000);
  });

  it('may be in the spec of another stack that shares the network process', () => {
    const other = whatsAppDeployment({
      metadata: { name: 'first', uid: 'a' },
      spec: { phoneNumber: '+16315551001', ...ROLES.network.spec(fromKey) },
    });
    const { observed } = waiting('network', {}, secretNamed(undefined));
    const plan = planWorkloads({ ...observed, stacks: [other, observed.resource] }, release);
    const told = plan.steps.find(({ verdict: { type } }) => type === 'WorkloadsReady');
    expect(told?.verdict.message).toContain(
      'Secret mine does not exist (spec.emulator.network.podTemplate.env[0].valueFrom.secretKeyRef of WhatsAppDeployment first)',
    );
  });
});
