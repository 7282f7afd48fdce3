import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { whatsAppDeployment } from '../../../test/support/whatsAppDeployment.ts';
import { StackGauges } from './stackGauges.ts';
import { STACK_METRICS, type StackView } from './stackMetrics.ts';

const view = (status: object, more: Partial<StackView> = {}): StackView => ({
  resource: { ...whatsAppDeployment({}), status },
  api: undefined,
  journal: undefined,
  webhook: undefined,
  ...more,
});
const exporter = (views: readonly StackView[], isWorking = true) => {
  const registry = new Registry();
  const gauges = new StackGauges(registry, { stacks: () => views, isWorking: () => isWorking });
  const samples = async (prefix: string) =>
    (await registry.metrics()).split('\n').filter((line) => line.startsWith(prefix));
  return { gauges, samples };
};
const samples = (views: readonly StackView[], prefix: string) => exporter(views).samples(prefix);
const at = (time: string) => Date.parse(time) / 1000;

describe('the operator’s view of a stack', () => {
  it('has conditions with their reasons, and ready as one number', async () => {
    const conditions = [
      { type: 'Ready', status: 'True', reason: 'Ready' },
      { type: 'Registered', status: 'Unknown', reason: 'OutcomeUnknown' },
    ];
    const views = [view({ conditions })];
    expect(await samples(views, 'waba_stack_condition{')).toEqual([
      'waba_stack_condition{namespace="default",stack="shop",condition="Ready",reason="Ready"} 1',
      'waba_stack_condition{namespace="default",stack="shop",condition="Registered",reason="OutcomeUnknown"} -1',
    ]);
    expect(await samples(views, 'waba_stack_ready{')).toEqual([
      'waba_stack_ready{namespace="default",stack="shop"} 1',
    ]);
  });

  it('has time, duration and size of the last good backup, as far as they are known', async () => {
    const lastBackup = { name: 'nightly', time: '2026-01-01T00:00:00Z', bytes: 2048, durationSeconds: 90 };
    const sample = (name: string, value: number) =>
      `waba_backup_last_${name}{namespace="default",stack="shop"} ${value}`;
    expect(await samples([view({ lastBackup })], 'waba_backup')).toEqual([
      sample('success_timestamp_seconds', at(lastBackup.time)),
      sample('duration_seconds', 90),
      sample('bytes', 2048),
    ]);
    expect(await samples([view({})], 'waba_backup')).toEqual([]);
    const unreadable = view({ lastBackup: { name: 'nightly', time: 'never' } });
    expect(await samples([unreadable], 'waba_backup')).toEqual([]);
  });

  it('names the layer of the webhook that failed, and has no sample without a probe', async () => {
    const failed = view({}, { webhook: { seconds: 0.5, failed: 'Tls' } });
    expect(await samples([failed], 'waba_stack_webhook_up')).toEqual([
      'waba_stack_webhook_up{namespace="default",stack="shop",failed="Tls"} 0',
    ]);
    expect(await samples([view({})], 'waba_stack_webhook_up')).toEqual([]);
  });

  it('counts nodes by role and gateway status, and nodes that do not answer as unreachable', async () => {
    const health = {
      'shop-coreapp-0-0': { role: 'coreapp', gateway_status: 'connected' },
      'shop-coreapp-1-0': { role: 'coreapp', gateway_status: 'disconnected' },
      'shop-coreapp-2-0': { role: 'coreapp', gateway_status: 'disconnected' },
      'shop-master-0-0': {},
    } as const;
    const api = { atMs: 0, podsSeen: '', health, support: {} };
    const node = (role: string, status: string, count: number) =>
      `waba_stack_nodes{namespace="default",stack="shop",role="${role}",gateway_status="${status}"} ${count}`;
    expect(await samples([view({}, { api })], 'waba_stack_nodes{')).toEqual([
      node('coreapp', 'connected', 1),
      node('coreapp', 'disconnected', 2),
      node('single', 'unreachable', 1),
    ]);
  });

  it('says since when each condition has its status', async () => {
    const lastTransitionTime = '2026-01-01T00:00:00Z';
    const conditions = [{ type: 'Ready', status: 'False', reason: 'PodsNotReady', lastTransitionTime }];
    expect(await samples([view({ conditions })], 'waba_stack_condition_since')).toEqual([
      `waba_stack_condition_since_timestamp_seconds{namespace="default",stack="shop",condition="Ready"} ${at(lastTransitionTime)}`,
    ]);
  });

  it.each([
    ['is paused', 'Paused', 'True', 'Paused', 1],
    ['has stopped all pods to hibernate', 'Hibernated', 'True', 'Hibernated', 1],
    ['is only planned', 'Ready', 'False', 'PlanOnly', 1],
    ['is still stopping its pods', 'Hibernated', 'False', 'Hibernating', 0],
    ['is not Ready', 'Ready', 'False', 'PodsNotReady', 0],
  ])('says whether people hold it: one that %s', async (_, type, status, reason, held) => {
    expect(await samples([view({ conditions: [{ type, status, reason }] })], 'waba_stack_held{')).toEqual([
      `waba_stack_held{namespace="default",stack="shop"} ${held}`,
    ]);
  });

  it('counts standbys: disconnected Coreapps without a shard, and secondary Masters', async () => {
    const health = {
      'shop-coreapp-0-0': { role: 'coreapp', gateway_status: 'connected' },
      'shop-coreapp-1-0': { role: 'coreapp', gateway_status: 'disconnected' },
      'shop-coreapp-2-0': { role: 'coreapp', gateway_status: 'disconnected' },
      'shop-coreapp-3-0': { role: 'coreapp' },
      'shop-master-0-0': { role: 'primary_master', gateway_status: 'connected' },
      'shop-master-1-0': { role: 'secondary_master', gateway_status: 'connected' },
    } as const;
    const support = {
      'shop-coreapp-0-0': { shards: [[0, 0]] as [number, number][] },
      // Its owner lost the connection: the shard is not served, and the node is no standby.
      'shop-coreapp-1-0': { shards: [[1, 1]] as [number, number][] },
    };
    const resource = whatsAppDeployment({ spec: { multiconnect: { shards: 2, standbys: 2 } } });
    const api = { atMs: 0, podsSeen: '', health, support, shards: 2 };
    const counted = view({}, { api, resource });
    const count = (name: string, role: string, value: number) =>
      `waba_stack_standbys_${name}{namespace="default",stack="shop",role="${role}"} ${value}`;
    expect(await samples([counted], 'waba_stack_standbys')).toEqual([
      count('desired', 'coreapp', 2),
      count('desired', 'master', 1),
      count('ready', 'coreapp', 1),
      count('ready', 'master', 1),
    ]);
    const asleep = view({}, { resource: whatsAppDeployment({ spec: { hibernated: true } }) });
    expect(await samples([asleep], 'waba_stack_standbys_desired')).toEqual([
      count('desired', 'coreapp', 0),
      count('desired', 'master', 0),
    ]);
  });

  it('names the claim of a managed database, and none of an external one', async () => {
    expect(await samples([view({})], 'waba_stack_database_claim{')).toEqual([
      'waba_stack_database_claim{namespace="default",stack="shop",persistentvolumeclaim="shop-database"} 1',
    ]);
    const external = { host: 'db', engine: 'PostgreSQL', credentialsSecretRef: { name: 'db' } };
    const resource = whatsAppDeployment({ spec: { database: { external } } });
    expect(await samples([view({}, { resource })], 'waba_stack_database_claim{')).toEqual([]);
  });

  it('is exported by the replica that leads, and not by one that waits and has asked no stack', async () => {
    expect(await exporter([view({})], false).samples('waba_stack_')).toEqual([]);
    expect(await exporter([view({})], true).samples('waba_stack_shards_desired')).toHaveLength(1);
  });

  it('has metrics with the prefix of their subject and unique names', () => {
    const names = STACK_METRICS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(names.filter((name) => !/^waba_(stack|backup)_[a-z_]+$/.test(name))).toEqual([]);
  });

  it('describes each metric in a help text of its own', () => {
    const helps = STACK_METRICS.map(({ help }) => help);
    expect(helps.filter((help) => !/^[A-Z].{9,}[^.]$/.test(help))).toEqual([]);
    expect(new Set(helps).size).toBe(helps.length);
  });

  it('counts repairs by field, with all users together, and drops the samples of a deleted stack', async () => {
    const { gauges, samples } = exporter([]);
    const fields = ['about', 'users.agent', 'users.boss'];
    gauges.drift(whatsAppDeployment({}), { fields, isRepaired: true });
    expect(await samples('waba_stack_drift_repaired_total{')).toEqual([
      'waba_stack_drift_repaired_total{namespace="default",stack="shop",field="about"} 1',
      'waba_stack_drift_repaired_total{namespace="default",stack="shop",field="users"} 2',
    ]);
    gauges.forget('default/shop');
    expect(await samples('waba_stack_drift_repaired_total{')).toEqual([]);
  });

  it('counts reported fields until they match spec again', async () => {
    const { gauges, samples } = exporter([view({})]);
    const drifted = async (fields: readonly string[]) => {
      gauges.drift(whatsAppDeployment({}), { fields, isRepaired: false });
      return (await samples('waba_stack_drifted_fields{'))[0]?.split(' ').at(-1);
    };
    expect(await drifted(['about', 'users.agent'])).toBe('2');
    expect(await drifted([])).toBe('0');
  });
});
