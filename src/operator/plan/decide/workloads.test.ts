import { describe, expect, it } from 'vitest';
import {
  apiOf,
  applied,
  NOW_MS,
  release,
  removed,
  restarted,
  StackModel,
  waiting,
} from '../../../../test/support/stackModel.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { hashOf } from '../../../engine/kube/ownFields.ts';
import { stackEnvironment } from '../../../onprem/environment.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { numberInUse } from '../facts/identity.ts';
import { annotations, labels } from '../facts/names.ts';
import { childKey } from '../render/child.ts';
import { planUnseen, planWorkloads, restarts, type WorkloadPlan } from './workloads.ts';

const resource = (spec: object = {}, metadata: object = {}): WhatsAppDeployment =>
  whatsAppDeployment({ spec, metadata });

const names = (plan: WorkloadPlan) => applied(plan).map(({ object }) => childKey(object));
const verdict = (plan: WorkloadPlan, type: string) =>
  plan.steps.map(({ verdict }) => verdict).find((candidate) => candidate.type === type);
const envOf = (object: KubeObject | undefined) => {
  const { containers } = (
    object as unknown as {
      spec: { template: { spec: { containers: { env: { name: string; value?: string }[] }[] } } };
    }
  ).spec.template.spec;
  return Object.fromEntries(
    (containers[0]?.env ?? []).map(({ name, value }) => [name, value ?? 'from-secret-0001']),
  );
};

const podSpec = ({ kind }: { kind: string }) => ['StatefulSet', 'Deployment', 'Job'].includes(kind);
const templateOf = (object: KubeObject) =>
  (
    object as unknown as {
      spec: { template: { spec: { imagePullSecrets?: unknown; containers: { env?: unknown }[] } } };
    }
  ).spec.template.spec;

/** A settled stack as versions made it that gave pods neither requests nor their number. */
function withoutRequests(): StackModel {
  const model = new StackModel(resource());
  model.settle();
  for (const [key, object] of model.children) {
    if (!['StatefulSet', 'Deployment'].includes(object.kind)) continue;
    const { spec } = JSON.parse(
      JSON.stringify(object, (field, value: unknown) =>
        ['resources', annotations.number].includes(field) ? undefined : value,
      ),
    ) as { spec: { template: unknown } };
    const notes = { [annotations.template]: hashOf(spec.template), [annotations.applied]: 'older' };
    model.children.set(key, {
      ...object,
      metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, ...notes } },
      spec,
    });
  }
  return model;
}

describe('the plan of workloads', () => {
  it('changes nothing while a user gives pods what they may not have, unless the operator allows it', () => {
    const sidecar = { name: 'spy', image: 'i', securityContext: { privileged: true } };
    const bad = { nodes: { coreapp: { podTemplate: { sidecars: [sidecar] } } } };
    const fresh = new StackModel(resource(bad));
    const refused = fresh.round({ podSecurity: 'Restricted' });
    expect([refused.generate, names(refused)]).toEqual([[], []]);
    expect(verdict(refused, 'SpecValid')).toMatchObject({
      reason: 'PodNotAllowed',
      message: 'spec.nodes.coreapp.podTemplate.sidecars[0].securityContext.privileged: must not be true',
    });

    const model = new StackModel(resource());
    model.settle({ podSecurity: 'Restricted' });
    const before = JSON.stringify([[...model.children], model.journal.release]);
    model.resource = resource(bad);
    model.settle({ podSecurity: 'Restricted' });
    expect(JSON.stringify([[...model.children], model.journal.release])).toBe(before);
    expect(verdict(model.settle({ podSecurity: 'Unrestricted' }), 'SpecValid')?.status).toBe('True');
    expect(JSON.stringify([...model.children])).toContain('"spy"');
  });

  it('starts in order: Secrets, database, schema, then all nodes', () => {
    const model = new StackModel(resource());
    const first = model.round();
    expect(first.generate).toEqual([
      'shop-database',
      'shop-database-certificate',
      'shop-admin',
      'shop-keys',
      'shop-registration',
      'waba-network-control',
    ]);
    expect(names(first).some((name) => name.startsWith('StatefulSet/'))).toBe(false);
    const second = planWorkloads(
      {
        ...model.observed(),
        children: new Map([...model.children].filter(([key]) => key.startsWith('Secret/'))),
      },
      release,
    );
    expect(names(second)).toContain('StatefulSet/shop-database');
    expect(names(second).filter((name) => name.startsWith('Job/'))).toEqual([]);
    const plan = model.settle();
    expect(
      names(plan).filter((name) => name.startsWith('StatefulSet/') || name.startsWith('Deployment/')),
    ).toEqual([
      'Deployment/waba-network',
      'StatefulSet/shop-database',
      'StatefulSet/shop-master-0',
      'StatefulSet/shop-master-1',
      'StatefulSet/shop-coreapp-0',
      'StatefulSet/shop-coreapp-1',
      'Deployment/shop-webapp',
    ]);
  });

  it('gives every role an environment that the stack can parse', () => {
    const model = new StackModel(resource());
    model.settle();
    for (const key of ['StatefulSet/shop-master-0', 'StatefulSet/shop-coreapp-0', 'Deployment/shop-webapp']) {
      const parsed = stackEnvironment.safeParse(envOf(model.children.get(key)));
      expect(parsed.error?.issues ?? []).toEqual([]);
      expect(parsed.data).toMatchObject({
        WA_APP_MULTICONNECT: true,
        WA_DB_HOSTNAME: 'shop-database.default.svc',
        WA_MASTER_NODE: key.includes('master'),
      });
    }
  });

  it('renders the same pods for both stacks, except for images and security contexts', () => {
    const images = { webapp: 'web:v2.57.1', coreapp: 'core:v2.57.1' };
    const strip = (object: KubeObject | undefined) =>
      JSON.stringify(
        (object as unknown as { spec: { template: unknown } }).spec.template,
        (key, value: unknown) =>
          key === 'image' ||
          key === 'securityContext' ||
          ['WABA_NETWORK_URL', 'WABA_CLIENT_VERSION'].includes(
            (value as { name?: string } | null)?.name ?? '',
          )
            ? undefined
            : value,
      ).replaceAll(',null', '');
    const [emulator, onPremises] = [
      new StackModel(resource({ version: 'v2.57.1' })),
      new StackModel(
        resource({
          stack: 'OnPremises',
          version: 'v2.57.1',
          images,
          registration: { certificateSecretRef: { name: 'cert' } },
        }),
      ),
    ];
    emulator.settle();
    onPremises.settle();
    for (const key of ['StatefulSet/shop-master-0', 'StatefulSet/shop-coreapp-0', 'Deployment/shop-webapp']) {
      expect(strip(onPremises.children.get(key))).toBe(strip(emulator.children.get(key)));
    }
    expect([...onPremises.children.keys()]).not.toContain('Deployment/waba-network');
  });

  it('never runs Coreapps of both topologies: the old StatefulSets and pods go first', () => {
    const model = new StackModel(resource());
    model.settle();
    model.resource = resource({ topology: 'Single' });
    const oldPods = model.pods;
    const stopping = model.round();
    expect(removed(stopping).map(childKey).sort()).toEqual([
      'PodDisruptionBudget/shop-coreapp',
      'PodDisruptionBudget/shop-master',
      'PodDisruptionBudget/shop-webapp',
      'StatefulSet/shop-coreapp-0',
      'StatefulSet/shop-coreapp-1',
      'StatefulSet/shop-master-0',
      'StatefulSet/shop-master-1',
    ]);
    const switching = planWorkloads({ ...model.observed(), pods: oldPods }, release);
    expect(
      names(switching).filter((name) => name.includes('coreapp') && name.startsWith('StatefulSet')),
    ).toEqual([]);
    expect(verdict(switching, 'WorkloadsReady')?.reason).toBe('SwitchingTopology');
    model.settle();
    expect([...model.children.keys()].filter((key) => key.startsWith('StatefulSet/'))).toEqual([
      'StatefulSet/shop-database',
      'StatefulSet/shop-coreapp-0',
    ]);
  });

  it('writes all templates at once, and restarts one pod at a time: standbys before owners, Webapps last', () => {
    const model = new StackModel(resource());
    model.settle();
    model.api = {
      shards: 1,
      health: {
        'shop-master-0-0': { role: 'primary_master', gateway_status: 'connected' },
        'shop-master-1-0': { role: 'secondary_master', gateway_status: 'disconnected' },
        'shop-coreapp-0-0': { role: 'coreapp', gateway_status: 'connected' },
        'shop-coreapp-1-0': { role: 'coreapp', gateway_status: 'disconnected' },
      },
    };
    model.resource = resource({ imagePullSecrets: [{ name: 'registry' }] }, { generation: 2 });
    const writes = model.round();
    expect(restarted(writes)).toEqual([]);
    expect(names(writes)).toContain('StatefulSet/shop-coreapp-0');
    expect(templateOf(model.children.get('StatefulSet/shop-coreapp-0') as KubeObject)).toMatchObject({
      imagePullSecrets: [{ name: 'registry' }],
    });
    expect(templateOf(model.children.get('Deployment/shop-webapp') as KubeObject)).not.toHaveProperty(
      'imagePullSecrets',
    );
    const order: string[] = [];
    for (let round = 0; round < 20; round++) {
      const plan = model.round();
      const rolled = plan.steps.flatMap(({ rolls }) => [...rolls.keys()]);
      const now = [...restarted(plan), ...rolled];
      expect(now.length).toBeLessThanOrEqual(1);
      order.push(...now);
    }
    expect(order).toEqual([
      'shop-database-0',
      'shop-master-1-0',
      'shop-master-0-0',
      'shop-coreapp-1-0',
      'shop-coreapp-0-0',
      'Deployment/waba-network',
      'Deployment/shop-webapp',
    ]);
    expect(verdict(model.round(), 'WorkloadsReady')?.status).toBe('True');
  });

  it('waits with a restart until every other pod is ready and the API was read after the last change', () => {
    const model = new StackModel(resource());
    model.settle();
    model.journal = { ...model.journal, coreappRestarts: 1 };
    model.round();
    const unready = model.pods.map((pod) =>
      pod.name === 'shop-master-0-0' ? { ...pod, ready: false } : pod,
    );
    for (const changes of [
      { pods: unready, api: apiOf(unready) },
      { api: undefined },
      { api: apiOf(unready) },
      { api: apiOf(model.pods, { podsSeen: 'earlier' }) },
      { api: apiOf(model.pods, { atMs: NOW_MS - 60_000 }) },
      { api: apiOf(model.pods, { isSuperseded: true }) },
      { nowMs: NOW_MS - 1 },
    ]) {
      const plan = planWorkloads(model.observed(changes), release);
      expect(restarted(plan)).toEqual([]);
      expect(plan.rollout?.waitingFor).toBeDefined();
      expect(verdict(plan, 'WorkloadsReady')).toMatchObject({ status: 'False', reason: 'RollingOut' });
    }
    expect(restarted(planWorkloads(model.observed(), release))).toEqual(['shop-coreapp-0-0']);
  });

  it('restarts nothing while too many other stacks roll, and says so', () => {
    const model = new StackModel(resource());
    expect(restarts(model.settle())).toBe(false);
    model.journal = { ...model.journal, coreappRestarts: 1 };
    const before = model.children.get('StatefulSet/shop-coreapp-0');
    const refused = model.round({ mayRoll: false });
    expect(restarts(refused)).toBe(true);
    expect(waiting(refused).map(({ reason }) => reason)).toEqual([
      expect.stringContaining('fewer other stacks'),
      expect.stringContaining('fewer other stacks'),
    ]);
    expect(model.children.get('StatefulSet/shop-coreapp-0')).toBe(before);
    // Changes that restart nothing are applied anyway.
    model.resource = resource({ nodes: { webapp: { replicas: 5 } } });
    expect(names(model.round({ mayRoll: false }))).toContain('Deployment/shop-webapp');
    expect(restarts(model.settle())).toBe(false);
  });

  it('changes nothing in a namespace that the operator cannot read completely', () => {
    const plan = planUnseen(['secrets: not allowed in namespace default; add to the Role ...']);
    expect([plan.generate, applied(plan), removed(plan)]).toEqual([[], [], []]);
    expect(verdict(plan, 'SpecValid')).toMatchObject({ status: 'False', reason: 'NamespaceNotEnabled' });
  });

  it('holds and shows changes that only a new operator version makes, and applies replica counts', () => {
    const model = new StackModel(resource());
    model.settle();
    for (const [key, object] of model.children) {
      if (object.metadata.annotations?.[annotations.template]) {
        model.children.set(key, {
          ...object,
          metadata: {
            ...object.metadata,
            annotations: {
              ...object.metadata.annotations,
              [annotations.template]: 'older',
              [annotations.applied]: 'older',
            },
          },
        });
      }
    }
    const held = planWorkloads(model.observed(), release);
    expect(waiting(held).length).toBeGreaterThan(5);
    expect(
      names(held).filter((name) => name.startsWith('StatefulSet/') || name.startsWith('Deployment/')),
    ).toEqual([]);
    model.resource = resource({
      upgrade: { operatorChanges: 'Immediately' },
      nodes: { webapp: { replicas: 3 } },
    });
    // The templates of slots are written first; the Webapps wait for their turn, but not with their number.
    const rolling = planWorkloads(model.observed(), release);
    expect(names(rolling)).toContain('StatefulSet/shop-coreapp-0');
    expect(names(rolling)).not.toContain('Deployment/shop-webapp');
    expect(rolling.steps.flatMap(({ scale }) => scale)).toMatchObject([
      { live: { metadata: { name: 'shop-webapp' } }, replicas: 3 },
    ]);

    const scaled = new StackModel(resource());
    scaled.settle();
    scaled.resource = resource({ nodes: { webapp: { replicas: 5 } } });
    const web = applied(planWorkloads(scaled.observed(), release)).find(
      ({ object }) => childKey(object) === 'Deployment/shop-webapp',
    );
    expect(web?.object.spec).toMatchObject({ replicas: 5 });
  });

  it('repairs a template hash that somebody edited, although a new operator version would change the same', () => {
    const model = new StackModel(resource());
    model.settle();
    const key = 'StatefulSet/shop-coreapp-0';
    const live = model.children.get(key) as KubeObject;
    const edited = { ...live.metadata.annotations, [annotations.template]: 'mine' };
    model.children.set(key, { ...live, metadata: { ...live.metadata, annotations: edited } });
    const plan = planWorkloads(model.observed(), release);
    expect(names(plan)).toContain(key);
    expect([waiting(plan), restarted(plan)]).toEqual([[], []]);
  });

  it('gives every pod requests, and those that were made without take them with their next change', () => {
    const without = ({ children }: StackModel) =>
      [...children.values()].filter(
        (object) => podSpec(object) && !JSON.stringify(object).includes('requests'),
      );
    const model = new StackModel(resource());
    model.settle();
    expect(without(model)).toEqual([]);

    const earlier = withoutRequests();
    const count = without(earlier).length;
    expect(count).toBeGreaterThan(5);
    const plan = earlier.settle();
    expect([waiting(plan), restarted(plan), without(earlier).length]).toEqual([[], [], count]);
    earlier.resource = resource({ imagePullSecrets: [{ name: 'registry' }] }, { generation: 2 });
    earlier.settle();
    expect(without(earlier)).toEqual([]);

    const immediately = withoutRequests();
    immediately.resource = resource({ upgrade: { operatorChanges: 'Immediately' } });
    immediately.settle();
    expect(without(immediately)).toEqual([]);
  });

  it('sets an owner reference on everything except data and keys', () => {
    const model = new StackModel(resource());
    const plan = model.settle();
    const retained = applied(plan)
      .filter(({ object }) => object.metadata.ownerReferences === undefined)
      .map(({ object }) => childKey(object));
    expect(retained).toEqual([
      'PersistentVolumeClaim/shop-media',
      'PersistentVolumeClaim/waba-network',
      'PersistentVolumeClaim/shop-database',
    ]);
  });

  it('does not replace a lost Secret', () => {
    const model = new StackModel(resource());
    model.settle();
    model.children.delete('Secret/shop-keys');
    const plan = planWorkloads(model.observed(), release);
    expect([plan.generate, applied(plan), removed(plan)]).toEqual([[], [], []]);
    expect(verdict(plan, 'DatabaseReady')?.reason).toBe('SecretLost');
  });

  it('lets only its own namespace call the control port of the network process, which asks for a token', () => {
    const model = new StackModel(resource());
    expect(model.round().generate).toContain('waba-network-control');
    model.settle();
    expect(model.children.get('NetworkPolicy/waba-network')?.spec).toMatchObject({
      policyTypes: ['Ingress'],
      ingress: [
        { ports: [{ port: 'sessions', protocol: 'TCP' }] },
        { ports: [{ port: 'control', protocol: 'TCP' }], from: [{ podSelector: {} }] },
      ],
    });
    const [container] = templateOf(model.children.get('Deployment/waba-network') as KubeObject).containers;
    expect(container?.env).toEqual([
      {
        name: 'WABA_CONTROL_TOKEN',
        valueFrom: { secretKeyRef: { name: 'waba-network-control', key: 'token' } },
      },
    ]);
  });

  it('makes a lost token of the control port anew, and nothing waits for it', () => {
    const model = new StackModel(resource());
    model.settle();
    model.children.delete('Secret/waba-network-control');
    const plan = planWorkloads(model.observed(), release);
    expect(plan.generate).toEqual(['waba-network-control']);
    expect(plan.steps.filter((step) => step.verdict.status !== 'True')).toEqual([]);
    expect(restarts(plan)).toBe(false);
    model.resource = resource({ emulator: { network: { url: 'tcp://network.shops.svc:5222' } } });
    expect(planWorkloads(model.observed(), release).generate).toEqual([]);
  });

  it('tells only Coreapps where links to media may lead, so nothing else restarts for it', () => {
    const model = new StackModel(resource());
    model.settle();
    model.resource = resource({ emulator: { mediaHosts: ['media.shop.svc', '*.shop.example'] } });
    const { rollout } = planWorkloads(model.observed(), release);
    expect(rollout?.isRolling).toBe(true);
    model.settle();
    const told = ['StatefulSet/shop-coreapp-0', 'StatefulSet/shop-master-0', 'Deployment/shop-webapp'].map(
      (key) => envOf(model.children.get(key)).WABA_MEDIA_HOSTS,
    );
    expect(told).toEqual(['media.shop.svc,*.shop.example', undefined, undefined]);
  });

  it('lets Prometheus send the API key only to who presents the certificate of the stack', () => {
    const model = new StackModel(resource({ monitoring: { podMonitor: true } }));
    const tls = () => {
      model.settle();
      const { spec } = model.children.get('PodMonitor/shop') as KubeObject & {
        spec: { podMetricsEndpoints: { tlsConfig: object }[] };
      };
      return spec.podMetricsEndpoints[0]?.tlsConfig;
    };
    const ca = { secret: { name: 'shop-journal', key: 'ca.crt' } };
    expect(tls()).toEqual({ ca, serverName: 'shop-webapp.default.svc' });
    const served = (names: string[]) => {
      model.journal = {
        ...model.journal,
        served: { names, notAfter: NOW_MS * 2, ca: '', authority: '' },
      };
    };
    served(['api.shop.example', 'shop-webapp.default.svc']);
    expect(tls()).toEqual({ ca, serverName: 'shop-webapp.default.svc' });
    served(['*.shop.example']);
    expect(tls()).toEqual({ ca, serverName: 'webapp.shop.example' });
  });

  it('presents a client certificate to an external database, and restarts the pods when it changes', () => {
    const tls = { caSecretRef: { name: 'ca' }, clientCertificateSecretRef: { name: 'client' } };
    const external = { host: 'db', credentialsSecretRef: { name: 'db' }, tls };
    const model = new StackModel(resource({ database: { external } }));
    const referenced = (certificate: Record<string, string>) =>
      new Map(
        Object.entries({
          db: { username: 'u', password: 'p' },
          ca: { 'ca.crt': 'PEM' },
          client: certificate,
        }).map(([name, data]) => [name, { name, data }] as const),
      );
    const noKey = planWorkloads(model.observed({ referenced: referenced({ 'tls.crt': 'PEM' }) }), release);
    expect(verdict(noKey, 'DatabaseReady')).toMatchObject({
      reason: 'SecretMissing',
      message: 'Secret client has no key tls.key; add it',
    });
    model.settle({ referenced: referenced({ 'tls.crt': 'PEM', 'tls.key': 'KEY' }) });
    for (const key of ['StatefulSet/shop-master-0', 'StatefulSet/shop-coreapp-0', 'Deployment/shop-webapp'])
      expect(envOf(model.children.get(key))).toMatchObject({
        WA_DB_SSL_CERT: '/opt/certs-client/tls.crt',
        WA_DB_SSL_KEY: '/opt/certs-client/tls.key',
      });
    expect(templateOf(model.children.get('StatefulSet/shop-coreapp-0') as KubeObject)).toMatchObject({
      volumes: [
        { name: 'media' },
        { name: 'database-ca' },
        { name: 'database-client', secret: { secretName: 'client', defaultMode: 0o440 } },
      ],
    });
    const renewed = referenced({ 'tls.crt': 'NEW', 'tls.key': 'KEY' });
    expect(planWorkloads(model.observed({ referenced: renewed }), release).rollout?.isRolling).toBe(true);
  });

  it('takes a CA of several lines from the Secret of the credentials, whose own values have one line each', () => {
    const told = (data: Record<string, string>) => {
      const external = {
        host: 'db',
        credentialsSecretRef: { name: 'db' },
        tls: { caSecretRef: { name: 'db' } },
      };
      const model = new StackModel(
        resource({ database: { external } }),
        new Map([['db', { name: 'db', data }]]),
      );
      return verdict(model.settle(), 'DatabaseReady');
    };
    const good = { username: 'waba', password: 'secret-1', 'ca.crt': 'line\nline\n' };
    expect(told(good)?.status).toBe('True');
    for (const key of ['username', 'password'] as const)
      expect(told({ ...good, [key]: `${good[key]}\n` })).toMatchObject({
        reason: 'SecretRefused',
        message: expect.stringContaining(`key ${key} of Secret db has a line end`),
      });
  });

  it('gives one number to the older of two resources, by creation and then by UID', () => {
    const [older, younger] = [
      resource(),
      resource({}, { name: 'copy', uid: 'u2', creationTimestamp: '2026-02-01T00:00:00Z' }),
    ];
    const nothing = { children: new Map(), journal: undefined };
    expect(numberInUse({ ...nothing, resource: younger, sameNumber: [older, younger] })).toBe(older);
    expect(numberInUse({ ...nothing, resource: older, sameNumber: [older, younger] })).toBeUndefined();
    const twin = resource({}, { name: 'twin', uid: 'u0' });
    expect(numberInUse({ ...nothing, resource: older, sameNumber: [older, twin] })).toBe(twin);
  });

  it('changes nothing when planned again after it has settled', () => {
    const model = new StackModel(resource());
    model.settle();
    const before = new Map(model.children);
    model.round();
    for (const [key, object] of model.children) {
      expect(object.metadata.annotations?.[annotations.applied]).toBe(
        before.get(key)?.metadata.annotations?.[annotations.applied],
      );
    }
  });

  it('rolls all pods when imagePullSecrets are added, and names the field while they wait', () => {
    const model = new StackModel(resource());
    model.settle();
    model.resource = resource({ imagePullSecrets: [{ name: 'registry' }] });
    const plan = planWorkloads(model.observed(), release);
    expect(restarts(plan)).toBe(true);
    expect(new Set(waiting(plan).map(({ reason }) => reason))).toEqual(
      new Set([
        'spec.imagePullSecrets changed; waits for its turn',
        'spec.imagePullSecrets changed; waits for StatefulSet/shop-database, which is not settled yet',
      ]),
    );
    model.settle();
    const withPods = [...model.children.values()].filter(({ kind }) => kind !== 'Job' && podSpec({ kind }));
    expect(withPods.map((object) => templateOf(object).imagePullSecrets)).toEqual(
      withPods.map(() => [{ name: 'registry' }]),
    );
  });

  it('gives the network process the pull secrets of all stacks that use it, whichever stack plans it', () => {
    const [one, two, other] = [
      resource({ imagePullSecrets: [{ name: 'b' }] }),
      resource({ imagePullSecrets: [{ name: 'a' }, { name: 'b' }] }, { name: 'two', uid: 'u2' }),
      resource(
        { imagePullSecrets: [{ name: 'c' }], emulator: { network: { url: 'tcp://net:5222' } } },
        { uid: 'u3' },
      ),
    ];
    const network = (of: WhatsAppDeployment, stacks: WhatsAppDeployment[]) => {
      const plan = planWorkloads({ ...new StackModel(of).observed(), stacks }, release);
      return applied(plan).find(({ object }) => childKey(object) === 'Deployment/waba-network')?.object;
    };
    const planned = network(one, [one, two, other]);
    expect(planned && templateOf(planned).imagePullSecrets).toEqual([{ name: 'a' }, { name: 'b' }]);
    expect(network(two, [other, two, one])).toEqual(planned);
  });

  it('leaves an existing schema Job alone, and replaces an unfinished one whose inputs changed', () => {
    const model = new StackModel(resource());
    model.settle();
    const [key, job] = [...model.children].find(([name]) => name.startsWith('Job/')) ?? [];
    expect(names(model.round()).filter((name) => name.startsWith('Job/'))).toEqual([]);
    model.resource = resource({ imagePullSecrets: [{ name: 'registry' }] });
    expect(removed(planWorkloads(model.observed(), release))).toEqual([]);
    // The same Job, not finished.
    model.children.set(key ?? '', { ...(job as KubeObject), status: {} });
    model.journal = { ...model.journal, schemaDone: undefined };
    const plan = planWorkloads(model.observed(), release);
    expect(removed(plan).map(childKey)).toEqual([key]);
    expect(names(plan).filter((name) => name.startsWith('Job/'))).toEqual([]);
    expect(verdict(plan, 'SchemaReady')?.reason).toBe('Upgrading');
  });

  it('keeps the image of a stack under a new operator version, and shows the new image in the plan', () => {
    const model = new StackModel(resource());
    model.settle();
    const newer = { ...release, stack: 'waba-stack:newer' };
    const plan = planWorkloads(model.observed(), newer);
    expect(restarts(plan)).toBe(false);
    expect(names(plan).filter((name) => name.startsWith('Job/'))).toEqual([]);
    expect(waiting(plan).map(({ target }) => target)).toEqual([
      'Deployment/waba-network',
      'Image of the stack',
    ]);
    expect(waiting(plan)[0]?.reason).toContain('containers[name=network].image');
    model.resource = resource({ upgrade: { operatorChanges: 'Immediately' } });
    expect(restarts(planWorkloads(model.observed(), newer))).toBe(true);
  });

  it('removes children that the resource no longer declares, and no other objects', () => {
    const model = new StackModel(
      resource({ monitoring: { podMonitor: true }, tls: { issuerRef: { name: 'ca' } } }),
    );
    model.settle();
    const foreign = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'foreign', labels: { [labels.instance]: 'shop' } },
    };
    model.children.set('Service/foreign', foreign);
    model.resource = resource({
      database: { external: { host: 'db', credentialsSecretRef: { name: 'db' } } },
    });
    const referenced = new Map([['db', { name: 'db', data: { username: 'u', password: 'p' } }]]);
    const early = model.round({ referenced });
    expect(removed(early).map(childKey)).not.toContain('StatefulSet/shop-database');
    model.settle({ referenced });
    const left = [...model.children.keys()];
    for (const gone of [
      'PodMonitor/shop',
      'Certificate/shop-tls',
      'StatefulSet/shop-database',
      'Service/shop-database',
    ])
      expect(left).not.toContain(gone);
    for (const kept of ['Service/foreign', 'PersistentVolumeClaim/shop-database', 'Secret/shop-keys'])
      expect(left).toContain(kept);
  });
});
