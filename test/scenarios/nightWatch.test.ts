import { readdirSync, readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { ALERT_NAMES, ALERTS, type AlertName, alertYaml } from '../../tools/generate/alerts.ts';
import { startReceiver } from '../support/emulatorStack.ts';
import { eventually } from '../support/eventually.ts';
import { OperatorCluster } from '../support/operatorCluster.ts';
import { Prometheus } from '../support/prometheus.ts';
import { type DashboardFile, metricsIn } from '../support/promQl.ts';
import { stackApi } from '../support/stackApi.ts';

/**
 * The alerts of the chart in a real Prometheus, over a real operator and stacks that really break. The rules differ from the
 * chart's only in their durations.
 */
const never = new AbortController().signal;
/** How many times faster than at night. The counters of stacks are read every 15 s, which the shortest window must hold twice. */
const HASTE = 8;
/** Long enough for the second that a stack needs to tell the operator about itself after its start. */
const SHORTEST_S = 15;
const UNITS_S = { m: 60, h: 3_600 } as const;

let cluster: OperatorCluster;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
let prometheus: Prometheus;
let sending = true;
let sender: Promise<void>;

/** `[1d]` stays: it says how long an operator is remembered. */
const hastened = (text: string): string =>
  text.replace(
    /\b(\d+)([mh])\b/g,
    (_, count: string, unit: 'm' | 'h') =>
      `${Math.max(SHORTEST_S, Math.ceil((Number(count) * UNITS_S[unit]) / HASTE))}s`,
  );

function hastenedRules(): object {
  type RuleFile = { groups: { rules: { expr: string; for: string }[] }[] };
  const rules = ALERT_NAMES.flatMap((name) =>
    (load(alertYaml(name)) as RuleFile).groups.flatMap((group) => group.rules),
  );
  const faster = rules.map((rule) => ({
    ...rule,
    for: hastened(rule.for),
    expr: rule.expr.replace(/\[[^\]]+\]/g, hastened),
  }));
  return { groups: [{ name: 'waba-operator', rules: faster }] };
}

/** `alert stack` of everything that fires now. */
async function firing(): Promise<string[]> {
  const found = await prometheus.query('ALERTS{alertstate="firing"}');
  return found
    .map(({ metric: { alertname, stack } }) => (stack ? `${alertname} ${stack}` : `${alertname}`))
    .sort();
}

/** Waits until these alerts fire and no other, and expects that no other page went out on the way. */
async function expectFiring(...wanted: readonly `${AlertName}${'' | ' store' | ' side'}`[]): Promise<void> {
  const before = await firing();
  const seen = new Set<string>();
  const isSame = async () => {
    const now = await firing();
    for (const alert of now) seen.add(alert);
    return JSON.stringify(now) === JSON.stringify([...wanted].sort());
  };
  await eventually(isSame, 200_000).catch(async (error: unknown) => {
    const conditions = await prometheus.query('waba_stack_condition != 1');
    const why = conditions.map(
      ({ metric, value: [, value] }) => `${metric.stack} ${metric.condition}=${value} ${metric.reason}`,
    );
    throw new Error(`fires: ${await firing()}; ${why.join(', ')}`, { cause: error });
  });
  const isPage = (alert: string) => ALERTS[alert.split(' ')[0] as AlertName].severity === 'critical';
  const extra = [...seen].filter((alert) => isPage(alert) && !before.includes(alert));
  expect(extra.filter((alert) => !(wanted as readonly string[]).includes(alert))).toEqual([]);
}

/** The summary of an alert, as a person gets it. */
async function told(alert: AlertName): Promise<string | undefined> {
  const alerts = await prometheus.alerts();
  return alerts.find(({ labels }) => labels.alertname === alert)?.annotations.summary;
}

const operatorPod = async () => {
  const pods = await cluster.pods('', 'waba-operator-system');
  return pods.find(({ metadata }) => metadata.deletionTimestamp === undefined)?.status?.podIP;
};
const followOperator = async () => prometheus.retarget(`${await eventually(operatorPod, 60_000)}:8081`);
const scaleOperator = (replicas: number) =>
  cluster.kubectl(
    '-n',
    'waba-operator-system',
    'scale',
    'deployment/waba-operator',
    `--replicas=${replicas}`,
  );

const stack = (name: string, spec: object): KubeObject => ({
  apiVersion: 'waba-operator.dev/v1alpha1',
  kind: 'WhatsAppDeployment',
  metadata: { name, namespace: 'default' },
  spec,
});

/** Sends messages all the time, as an application that gives none up. */
async function send(): Promise<void> {
  const { client, session } = await stackApi(cluster, 'store');
  for (let index = 0; sending; index++) {
    await client.messages.sendText(session, '16505540000', `message ${index}`, never).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

beforeAll(async () => {
  receiver = await startReceiver();
  cluster = await OperatorCluster.start();
  await cluster.installOperator();
  await cluster.kubectl('delete', 'wad', 'shop', '--wait=false');
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'hook-ca', namespace: 'default' },
    stringData: { 'ca.crt': receiver.caPem },
  });
  await cluster.apply(
    stack('store', {
      phoneNumber: '+16315558200',
      settings: { heartbeatInterval: 1, unhealthyInterval: 5 },
      webhook: { url: receiver.url, caSecretRef: { name: 'hook-ca' } },
    }),
  );
  await cluster.apply(stack('side', { phoneNumber: '+16315558201', topology: 'Single' }));
  await cluster.ready('store', 180_000);
  await cluster.ready('side', 180_000);
  prometheus = await Prometheus.start(`${await operatorPod()}:8081`, hastenedRules());
  sender = send();
}, 420_000);
afterAll(async () => {
  sending = false;
  await sender;
  await prometheus?.close();
  await cluster?.close();
  await receiver?.close();
});

describe('a night on call', () => {
  it('finds each metric that a panel, an alert or a runbook names among those that are exported', async () => {
    const { client, session } = await stackApi(cluster, 'store');
    // A refused call, and a message of a customer.
    await client.messages.sendText(session, '', 'to nobody', never).catch(() => {});
    await cluster.simulation('/numbers/16315558200/messages', 'POST', { from: '16505540000', text: 'Hi' });
    const panels = readdirSync('dashboards')
      .filter((file) => file.endsWith('.json'))
      .flatMap((file) => (JSON.parse(readFileSync(`dashboards/${file}`, 'utf8')) as DashboardFile).panels);
    const runbooks = ALERT_NAMES.map((name) => readFileSync(`docs/runbooks/${name}.md`, 'utf8'));
    const queries = [
      ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
      ...ALERT_NAMES.map((name) => ALERTS[name].expr),
      ...runbooks.flatMap((text) =>
        [...text.matchAll(/^```promql\n([^`]+)```$/gm)].map(([, query = '']) => query),
      ),
    ];
    const named = new Set(queries.flatMap(metricsIn));
    expect(named.size).toBeGreaterThan(50);
    // Of Prometheus, of the kubelets, of gateways to the Cloud API, and two that exist once something went wrong, and a backup
    // was made.
    const others =
      /^(ALERTS|up|kubelet_volume_stats_.+|waba_cloud_.+|waba_messages_billed_total|waba_stack_drift_repaired_total|waba_backup_.+)$/;
    const wanted = [...named].filter((name) => !others.test(name));
    await eventually(async () => {
      const exported = new Set(
        (await cluster.operatorMetrics()).split('\n').map((line) => /^(?:# TYPE )?([\w:]+)/.exec(line)?.[1]),
      );
      // The certificate of neither stack was uploaded.
      const missing = wanted.filter(
        (name) => !exported.has(name) && name !== 'waba_stack_certificate_expiry_timestamp_seconds',
      );
      if (missing.length > 0) throw new Error(missing.join(', '));
      return true;
    }, 60_000);
  });

  it('is quiet while everything works', async () => {
    await new Promise((resolve) => setTimeout(resolve, 40_000));
    await expectFiring();
  });

  it('gets one page when the operator is away, and none for its stacks', async () => {
    await scaleOperator(0);
    await expectFiring('WabaOperatorDown');
    expect(await told('WabaOperatorDown')).toMatch(
      /^no replica of the operator waba-operator-system\/\S+ acts/,
    );
    await scaleOperator(1);
    await followOperator();
    await expectFiring();
  });

  it('gets one page for a shard that nobody serves, after a warning, and none while the stack is paused', async () => {
    const coreapps = async () =>
      ((await cluster.stack('store')).status?.nodes ?? []).filter(({ role }) => role === 'Coreapp');
    const standby = await eventually(async () =>
      (await coreapps()).find(({ gatewayStatus }) => gatewayStatus === 'disconnected'),
    );
    const owner = await eventually(async () =>
      (await coreapps()).find(({ gatewayStatus }) => gatewayStatus === 'connected'),
    );
    // Pods that go do not come back.
    await cluster.kubectl('taint', 'nodes', '--all', 'night=dark:NoSchedule');
    await cluster.kubectl('delete', 'pod', standby.name);
    // At the same time another stack lacks a Secret, and serves its number all the same.
    await cluster.spec('side', { twoStep: { pinSecretRef: { name: 'absent' } } });
    await expectFiring('WabaStandbyLost store', 'WabaStackNotReady side');
    expect(await told('WabaStackNotReady')).toBe('default/side is not Ready: SecretMissing');
    await cluster.spec('side', { twoStep: null });
    await cluster.kubectl('delete', 'pod', owner.name);
    await expectFiring('WabaShardNotServed store');
    await cluster.spec('store', { paused: true });
    await expectFiring();
    await cluster.spec('store', { paused: false });
    await expectFiring('WabaShardNotServed store');
    await cluster.kubectl('taint', 'nodes', '--all', 'night=dark:NoSchedule-');
    await expectFiring();
    await cluster.ready('store', 120_000);
  });

  it('gets one page for a webhook that fails, and a warning for a field that two programs want', async () => {
    receiver.refuse(true);
    const label = 'app.kubernetes.io/component';
    const where = { namespace: 'default', name: 'side-webapp' };
    const insist = (value: string) =>
      cluster.client.mergePatch(
        kinds.Service,
        { ...where, fieldManager: 'rival' },
        { metadata: { labels: { [label]: value } } },
        never,
      );
    const current = async () =>
      (await cluster.client.get<KubeObject>(kinds.Service, where.namespace, where.name, never)).metadata
        .labels?.[label];
    const ours = (await current()) ?? '';
    for (let round = 0; round < 5; round++) {
      await insist(`theirs-${round}`);
      await eventually(async () => (await current()) === ours);
    }
    await insist('theirs');
    await expectFiring('WabaCallbackFailing store', 'WabaDriftContested side');
    expect(await told('WabaCallbackFailing')).toMatch(/^\d.*% of the callbacks of default\/store fail$/);
    receiver.refuse(false);
    await insist(ours);
    await expectFiring();
  });
});
