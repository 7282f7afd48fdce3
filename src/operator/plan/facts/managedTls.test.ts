import { describe, expect, it } from 'vitest';
import { applied, release, restarted, StackModel, waiting } from '../../../../test/support/stackModel.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { planWorkloads, type WorkloadPlan } from '../decide/workloads.ts';
import { childKey } from '../render/child.ts';
import { isNode } from './names.ts';

const SET = 'StatefulSet/shop-database';
const SECRET = 'Secret/shop-database-certificate';
const resources = { requests: { cpu: '1' } };
const withTls = (mode: 'Disable' | 'VerifyCA') => ({ database: { managed: { tls: { mode } } } });
const resource = (spec: object = {}, generation = 1) =>
  whatsAppDeployment({ spec, metadata: { generation } });

function settled(spec: object): StackModel {
  const model = new StackModel(resource(spec));
  model.settle();
  return model;
}

/** A settled stack that an operator without TLS made. */
function earlier(): StackModel {
  const model = settled(withTls('Disable'));
  model.resource = resource();
  return model;
}

interface Pod {
  readonly containers: readonly {
    readonly args?: readonly string[];
    readonly env: readonly { readonly name: string; readonly value?: string }[];
    readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  }[];
  readonly volumes: readonly { readonly name: string; readonly secret?: object }[];
}
const podOf = (object: KubeObject | undefined): Pod | undefined =>
  (object?.spec as { readonly template?: { readonly spec: Pod } } | undefined)?.template?.spec;
const NO_POD: Pod = { containers: [], volumes: [] };
const podsOf = (model: StackModel): Pod[] =>
  [...model.children.values()].flatMap((object) => podOf(object) ?? []);
const verifies = ({ containers }: Pod): boolean =>
  containers.some(({ env }) => env.some(({ name }) => name === 'WA_DB_SSL_CA'));
const encrypted = (model: StackModel, component: 'database' | 'nodes') =>
  model.pods.filter(
    (pod) =>
      pod.databaseTls && (component === 'database' ? pod.component === component : isNode(pod.component)),
  );
const hasTls = (model: StackModel) => ({
  server: podOf(model.children.get(SET))?.containers[0]?.args?.includes('ssl=on') ?? false,
  nodes: [...model.children.values()].filter(
    (object) => object.kind !== 'Job' && verifies(podOf(object) ?? NO_POD),
  ).length,
});
const withoutDatabase = ({ pods }: StackModel) => pods.filter(({ component }) => component !== 'database');
const databaseReady = (plan: WorkloadPlan) =>
  plan.steps.map(({ verdict }) => verdict).find(({ type }) => type === 'DatabaseReady');

/**
 * Settles step by step: no node may need TLS of a server that offers none, and no server a certificate that is not there.
 * Returns the pods that restarted, in order.
 */
function settleSafely(model: StackModel): string[] {
  const order: string[] = [];
  for (let round = 0; round < 60; round++) {
    const before = JSON.stringify([[...model.children], model.pods]);
    const isPossible = model.children.has(SECRET) || hasTls(model).server;
    order.push(...restarted(model.round()));
    expect(hasTls(model).server && !isPossible).toBe(false);
    const isCutOff = encrypted(model, 'nodes').length > 0 && encrypted(model, 'database').length === 0;
    expect(isCutOff).toBe(false);
    if (JSON.stringify([[...model.children], model.pods]) === before) return order;
  }
  throw new Error('does not settle');
}

describe('the managed database of a new stack', () => {
  it('has TLS from the start, and every pod verifies it', () => {
    const model = settled({});
    const nodes = podsOf(model).filter(({ containers }) =>
      containers.some(({ env }) => env.some(({ name }) => name === 'WA_DB_HOSTNAME')),
    );
    expect(nodes.length).toBeGreaterThan(4);
    for (const { containers, volumes } of nodes) {
      expect(containers[0]?.env).toContainEqual({ name: 'WA_DB_SSL_CA', value: '/opt/certs/db-ca.pem' });
      expect(containers[0]?.volumeMounts).toContainEqual({
        name: 'database-ca',
        mountPath: '/opt/certs',
        readOnly: true,
      });
      expect(volumes).toContainEqual({
        name: 'database-ca',
        secret: {
          secretName: 'shop-database-certificate',
          items: [{ key: 'ca.crt', path: 'db-ca.pem' }],
        },
      });
    }
    expect(encrypted(model, 'nodes')).toHaveLength(model.pods.length - 1);
    expect(model.pods.length).toBeGreaterThan(4);
  });

  it('reads its key from a file that PostgreSQL takes, and nothing of the CA but its certificate', () => {
    const pod = podOf(settled({}).children.get(SET));
    const [container] = pod?.containers ?? [];
    expect(container?.args).toEqual([
      ...['-c', 'max_connections=300', '-c', 'ssl=on'],
      ...['-c', 'ssl_cert_file=/opt/certs/tls.crt', '-c', 'ssl_key_file=/opt/certs/tls.key'],
    ]);
    expect(container?.volumeMounts).toContainEqual({
      name: 'database-tls',
      mountPath: '/opt/certs',
      readOnly: true,
    });
    expect(pod?.volumes).toContainEqual({
      name: 'database-tls',
      secret: {
        secretName: 'shop-database-certificate',
        items: ['tls.crt', 'tls.key'].map((key) => ({ key, path: key })),
        defaultMode: 0o440,
      },
    });
  });

  it('does not start before its certificate is there', () => {
    const model = new StackModel(resource());
    model.round();
    model.children.delete(SECRET);
    model.journal = { ...model.journal, generated: [] };
    const plan = planWorkloads(model.observed(), release);
    expect(plan.generate).toContain('shop-database-certificate');
    expect(databaseReady(plan)?.reason).toBe('Creating');
    expect(applied(plan).map(({ object }) => childKey(object))).not.toContain(SET);
  });

  it('has none if the resource says so, and no certificate either', () => {
    const model = settled(withTls('Disable'));
    expect(hasTls(model)).toEqual({ server: false, nodes: 0 });
    expect(model.children.has(SECRET)).toBe(false);
  });
});

describe('the managed database of a stack from an earlier version', () => {
  it('gets a certificate at once, and TLS only when something else restarts it, as the status says', () => {
    const model = earlier();
    const ready = Array.from({ length: 4 }, () => databaseReady(model.round())?.status);
    expect(ready).toEqual(['True', 'True', 'True', 'True']);
    const plan = planWorkloads(model.observed(), release);
    expect(model.children.has(SECRET)).toBe(true);
    expect(hasTls(model)).toEqual({ server: false, nodes: 0 });
    expect(plan.rollout?.isRolling).toBe(false);
    expect(waiting(plan)).toMatchObject([{ target: SET, action: 'Restart' }]);
    expect(waiting(plan)[0]?.reason).toContain('held until the next restart');
  });

  it.each([
    ['the resource asks for it', withTls('VerifyCA')],
    ['changes of the operator roll immediately', { upgrade: { operatorChanges: 'Immediately' } }],
  ])('gets it before its nodes when %s', (_, spec) => {
    const model = earlier();
    model.resource = resource(spec, 2);
    const order = settleSafely(model);
    expect(order[0]).toBe('shop-database-0');
    expect(new Set(order).size).toBe(order.length);
    expect(hasTls(model)).toEqual({ server: true, nodes: 5 });
    expect(encrypted(model, 'nodes')).toHaveLength(model.pods.length - 1);
  });

  it('keeps its nodes without TLS while it has none, whatever else changes in them', () => {
    const model = earlier();
    model.settle();
    model.resource = resource({ nodes: { coreapp: { resources } } }, 2);
    model.round({ pods: withoutDatabase(model) });
    expect(hasTls(model).nodes).toBe(0);
    expect(settleSafely(model)).toEqual(['shop-coreapp-0-0', 'shop-coreapp-1-0']);
    expect(hasTls(model)).toEqual({ server: false, nodes: 0 });
  });

  it('gets it with another change, and its nodes get it with their next restart', () => {
    const model = earlier();
    model.settle();
    model.resource = resource({ database: { managed: { resources } } }, 2);
    expect(settleSafely(model)).toEqual(['shop-database-0']);
    expect(hasTls(model)).toEqual({ server: true, nodes: 0 });
    const held = waiting(planWorkloads(model.observed(), release)).map(({ target }) => target);
    expect(held).toContain('StatefulSet/shop-coreapp-0');
    expect(held).not.toContain(SET);
    model.resource = resource({ database: { managed: { resources } }, nodes: { coreapp: { resources } } }, 3);
    expect(settleSafely(model)).toEqual(['shop-coreapp-0-0', 'shop-coreapp-1-0']);
    expect(encrypted(model, 'nodes').map(({ name }) => name)).toEqual([
      'shop-coreapp-0-0',
      'shop-coreapp-1-0',
    ]);
  });
});

describe('a change that restarts every pod', () => {
  it('brings TLS along, with one restart of each', () => {
    const model = earlier();
    model.settle();
    model.resource = resource({ imagePullSecrets: [{ name: 'registry' }] }, 2);
    const order = settleSafely(model);
    expect(order[0]).toBe('shop-database-0');
    expect(new Set(order).size).toBe(5);
    expect(order).toHaveLength(5);
    expect(hasTls(model)).toEqual({ server: true, nodes: 5 });
    expect(planWorkloads(model.observed(), release).rollout?.isRolling).toBe(false);
  });
});

describe('TLS of the managed database', () => {
  it('ends at the nodes first, and waits for no pod of a Job that has ended', () => {
    const model = settled({});
    const [node] = encrypted(model, 'nodes');
    if (!node) throw new Error('no node');
    model.pods = [...model.pods, { ...node, name: 'shop-schema-1', component: 'schema', ready: false }];
    model.resource = resource(withTls('Disable'), 2);
    const order = settleSafely(model);
    expect(order.at(-1)).toBe('shop-database-0');
    expect(hasTls(model)).toEqual({ server: false, nodes: 0 });
  });

  it('stays while the pod of the database is away, and while it restarts for something else', () => {
    const upgrade = { operatorChanges: 'Immediately' };
    const model = settled({ upgrade });
    const before = JSON.stringify([...model.children]);
    model.round({ pods: withoutDatabase(model) });
    expect(JSON.stringify([...model.children])).toBe(before);
    model.resource = resource({ upgrade, database: { managed: { resources } } }, 2);
    expect(settleSafely(model)).toEqual(['shop-database-0']);
    expect(waiting(planWorkloads(model.observed(), release))).toEqual([]);
  });

  it('can be had anew after its certificate was lost: without TLS in between, and without a restart before', () => {
    const model = settled({});
    model.settle();
    model.children.delete(SECRET);
    const lost = model.settle();
    expect(databaseReady(lost)).toMatchObject({ status: 'False', reason: 'SecretLost' });
    expect(databaseReady(lost)?.message).toContain('set spec.database.managed.tls.mode to Disable');
    expect(restarted(lost)).toEqual([]);
    model.resource = resource(withTls('Disable'), 2);
    expect(settleSafely(model).at(-1)).toBe('shop-database-0');
    model.resource = resource(withTls('VerifyCA'), 3);
    settleSafely(model);
    expect(model.children.has(SECRET)).toBe(true);
    expect(encrypted(model, 'nodes')).toHaveLength(model.pods.length - 1);
  });
});
