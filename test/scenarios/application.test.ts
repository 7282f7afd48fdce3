import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import type { SecretObject } from '../../src/operator/plan/facts/secrets.ts';
import { readJournal } from '../../src/operator/state/journalStore.ts';
import { WhatsAppBackupKind } from '../../src/operator/state/stackSources.ts';
import { startReceiver } from '../support/emulatorStack.ts';
import { eventually } from '../support/eventually.ts';
import { OperatorCluster } from '../support/operatorCluster.ts';
import { Prometheus } from '../support/prometheus.ts';
import { type DashboardFile, filled, typedInto } from '../support/promQl.ts';
import { stackApi } from '../support/stackApi.ts';

const never = new AbortController().signal;
const NUMBER = '16315558100';
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';
const PLANTED = {
  pin: '864209',
  agent: 'Planted-agent-1',
  provider: 'planted-bearer',
  admin: 'Planted-admin-2',
};

let cluster: OperatorCluster;
let receiver: Awaited<ReturnType<typeof startReceiver>>;
const started = new Date();

const secret = (
  name: string,
  stringData: Record<string, string>,
  data: Record<string, string> = {},
): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: 'default' },
  stringData,
  data,
});
const journal = async () =>
  readJournal(await cluster.client.get<SecretObject>(kinds.Secret, 'default', 'store-journal', never));

const api = () => stackApi(cluster, 'store', [PLANTED.admin, `${PLANTED.admin}x`]);
const condition = (type: string) => cluster.condition('store', type);
const isTrue = (type: string, reason?: string) => async () => {
  const found = await condition(type);
  return found?.status === 'True' && (reason === undefined || found.reason === reason);
};
const events = async (reason: string) =>
  (
    await cluster.client.list<KubeObject & { reason?: string; message?: string }>(
      kinds.Event,
      { namespace: 'default' },
      never,
    )
  ).items.filter((event) => event.reason === reason);
const metric = async (pattern: RegExp) =>
  (await cluster.operatorMetrics()).split('\n').filter((line) => pattern.test(line));

beforeAll(async () => {
  receiver = await startReceiver();
  cluster = await OperatorCluster.start();
  await cluster.installOperator();
  await cluster.apply(secret('hook-ca', { 'ca.crt': receiver.caPem }));
  await cluster.apply(secret('agent', { password: PLANTED.agent }));
  await cluster.apply(secret('pin', { pin: PLANTED.pin }));
  await cluster.apply(secret('cdn', { bearer: PLANTED.provider }));
  await cluster.apply(secret('photo', {}, { photo: PNG }));
  await cluster.apply({
    apiVersion: 'waba-operator.dev/v1alpha1',
    kind: 'WhatsAppDeployment',
    metadata: { name: 'store', namespace: 'default' },
    spec: {
      phoneNumber: `+${NUMBER}`,
      settings: {
        heartbeatInterval: 1,
        unhealthyInterval: 5,
        media: { autoDownload: ['image'] },
        webhooks: { maxConcurrentRequests: 12, message: { sent: true } },
      },
      profile: {
        about: 'Open from nine to five',
        photoSecretRef: { name: 'photo' },
        business: { description: 'Shoes', address: 'Here', vertical: 'Shopping and Retail' },
        compliance: { entityName: 'Shop', entityType: 'Partnership' },
      },
      media: { providers: [{ name: 'cdn', credentialsSecretRef: { name: 'cdn' } }] },
      users: [{ name: 'agent', passwordSecretRef: { name: 'agent' } }],
      twoStep: { pinSecretRef: { name: 'pin' } },
      webhook: { url: receiver.url, caSecretRef: { name: 'hook-ca' } },
      tls: { selfSigned: {} },
    },
  });
});
afterAll(async () => {
  await cluster?.close();
  await receiver?.close();
});

describe('the application of a stack', () => {
  it('becomes everything that the resource declares, and restarts what has to restart', async () => {
    await cluster.ready('store', 180_000);
    const { client, session } = await api();
    expect(await client.settings.application(session, never)).toMatchObject({
      heartbeat_interval: 1,
      media: { auto_download: ['image'] },
      webhooks: { url: receiver.url, max_concurrent_requests: 12 },
    });
    expect(await client.settings.about(session, never)).toBe('Open from nine to five');
    expect(await client.settings.businessProfile(session, never)).toMatchObject({ description: 'Shoes' });
    expect(await client.settings.complianceInfo(session, never)).toMatchObject({ entity_name: 'Shop' });
    expect((await client.settings.photo(session, never))?.type).toBe('image/png');
    expect(await client.settings.mediaProviders(session, never)).toEqual([
      { name: 'cdn', type: 'www', config: { bearer: PLANTED.provider } },
    ]);
    expect(await client.users.find(session, 'agent', never)).toMatchObject({ role: 'ROLE_USER' });
    await client.users.login('agent', PLANTED.agent, {}, never);
    const { numbers } = await cluster.simulation<{ numbers: { number: string; hasPin: boolean }[] }>(
      '/numbers',
    );
    expect(numbers.find(({ number }) => number === NUMBER)?.hasPin).toBe(true);
    // The CA and the number of parallel callbacks restart Coreapps; the certificate restarts Webapps.
    const { coreappRestarts, webappRestarts, served } = await journal();
    expect(coreappRestarts).toBeGreaterThanOrEqual(1);
    expect(webappRestarts).toBe(1);
    expect(served?.names).toContain('store-webapp.default.svc');
    expect(await condition('CertificatesReady')).toMatchObject({ reason: 'Uploaded' });
    expect(await condition('WebhookReady')).toMatchObject({ reason: 'Answers' });
  });

  it('is repaired when another client changes it, and the event names fields but never values', async () => {
    const { client, session } = await api();
    await client.settings.patchApplication(
      session,
      { unhealthy_interval: 77, webhooks: { message: { read: false } } },
      never,
    );
    await client.settings.setAbout(session, 'Closed', never);
    await client.users.remove(session, 'agent', never);
    await eventually(
      async () => (await client.settings.about(session, never)) === 'Open from nine to five',
      60_000,
    );
    await eventually(async () => (await client.users.find(session, 'agent', never)) !== undefined, 60_000);
    expect((await client.settings.application(session, never)).unhealthy_interval).toBe(5);
    const [event] = await eventually(async () => {
      const found = await events('DriftRepaired');
      return found.length > 0 ? found : undefined;
    });
    expect(event?.message).toContain('unhealthy_interval');
    expect(event?.message).toContain('users.agent');
    expect((await metric(/^waba_stack_drift_repaired_total\{.*field="users"/)).length).toBe(1);
    // The operator leaves undeclared settings alone.
    expect((await client.settings.application(session, never)).webhooks).toMatchObject({
      message: { read: false },
    });
  });

  it('is only reported as drifted with driftPolicy Report', async () => {
    await cluster.spec('store', { driftPolicy: 'Report' });
    await eventually(isTrue('SettingsSynced'));
    const { client, session } = await api();
    await client.settings.setAbout(session, 'Closed', never);
    await eventually(async () => (await condition('SettingsSynced'))?.reason === 'Drifted', 60_000);
    expect((await condition('SettingsSynced'))?.message).toContain('profile.about');
    expect(await client.settings.about(session, never)).toBe('Closed');
    expect(await metric(/^waba_stack_drifted_fields\{.*\} 1$/)).toHaveLength(1);
    // Changes to spec are applied anyway.
    await cluster.spec('store', { profile: { about: 'Open again' } });
    await eventually(async () => (await client.settings.about(session, never)) === 'Open again', 60_000);
    await cluster.spec('store', { driftPolicy: 'Repair' });
    await cluster.ready('store');
  });

  it('reports what the stack refuses, and recovers once the stack accepts it, even if an answer is lost', async () => {
    const call = { method: 'PATCH', path: '/v1/settings/profile/about', webapp: 'store-webapp-*' };
    const set = (...faults: object[]) => cluster.simulation('/api-faults', 'PUT', faults);
    await set({ ...call, code: 1014 });
    await cluster.spec('store', { profile: { about: 'Open at last' } });
    await eventually(async () => (await condition('SettingsSynced'))?.message.includes('1014'), 60_000);
    await set({ ...call, cut: 'after', times: 1 });
    await cluster.ready('store');
    const { client, session } = await api();
    expect(await client.settings.about(session, never)).toBe('Open at last');
    const { faults, webapps } = await cluster.simulation<{ faults: { met: number }[]; webapps: string[] }>(
      '/api-faults',
    );
    expect(faults).toMatchObject([{ met: 1 }]);
    expect(webapps.filter((name) => name.startsWith('store-webapp-'))).toHaveLength(2);
    await set();
  });

  it('sets new passwords of admin and users from their Secrets, and deletes users that are no longer declared', async () => {
    await cluster.apply(secret('admin-password', { password: PLANTED.admin }));
    await cluster.spec('store', {
      users: [
        { name: 'admin', role: 'ROLE_ADMIN', passwordSecretRef: { name: 'admin-password', key: 'password' } },
      ],
    });
    await cluster.ready('store');
    const { client } = await api();
    const session = await eventually(
      () => client.users.login('admin', PLANTED.admin, {}, never).catch(() => undefined),
      30_000,
    );
    await eventually(async () => (await client.users.find(session, 'agent', never)) === undefined, 30_000);
    await cluster.apply(secret('admin-password', { password: `${PLANTED.admin}x` }));
    await eventually(
      () => client.users.login('admin', `${PLANTED.admin}x`, {}, never).catch(() => undefined),
      60_000,
    );
    await cluster.apply(secret('admin-password', { password: 'weak' }));
    await eventually(async () => (await condition('ApiReachable'))?.reason === 'PasswordRefused', 30_000);
    await cluster.apply(secret('admin-password', { password: `${PLANTED.admin}x` }));
    await cluster.ready('store');
  });

  it('restarts Coreapps for a setting even if the operator is killed repeatedly', async () => {
    const before = (await journal()).coreappRestarts;
    await cluster.spec('store', { settings: { callbackPersist: false } });
    for (let round = 0; round < 4; round++) {
      await new Promise((resolve) => setTimeout(resolve, 400 + Math.random() * 1_500));
      cluster.killOperator();
    }
    await cluster.ready('store', 180_000);
    const { client, session } = await api();
    expect((await client.settings.application(session, never)).callback_persist).toBe(false);
    const { coreappRestarts, settings } = await journal();
    expect(coreappRestarts).toBeGreaterThan(before);
    expect(settings.pending).toBeUndefined();
  });

  it('reports which layer makes a webhook unreachable', async () => {
    const check = async (url: string, reason: string) => {
      await cluster.spec('store', { webhook: { url } });
      await eventually(async () => (await condition('WebhookReady'))?.reason === reason, 60_000);
    };
    await check('https://nobody.invalid/hook', 'DnsFailed');
    await check('https://127.0.0.1:9/hook', 'ConnectFailed');
    await cluster.spec('store', { webhook: { caSecretRef: null } });
    await check(receiver.url, 'TlsFailed');
    await cluster.spec('store', { webhook: { url: receiver.url, caSecretRef: { name: 'hook-ca' } } });
    receiver.refuse(true);
    await cluster.annotate('store', { 'waba-operator.dev/check-webhook': '1' });
    await eventually(async () => (await condition('WebhookReady'))?.reason === 'StatusFailed', 90_000);
    receiver.refuse(false);
    await cluster.annotate('store', { 'waba-operator.dev/check-webhook': '2' });
    await cluster.ready('store', 120_000);
  });

  it('scales to four shards and back to one while messages flow, and loses no accepted message', async () => {
    const { client, session } = await api();
    const people = Array.from({ length: 16 }, (_, index) => `1650554${String(index).padStart(4, '0')}`);
    for (const from of people)
      await cluster.simulation(`/numbers/${NUMBER}/messages`, 'POST', { from, text: 'Hi' });
    const accepted: string[] = [];
    let sending = true;
    const sender = (async () => {
      for (let index = 0; sending; index++) {
        const to = people[index % people.length] ?? '';
        // Without an answer the stack may have accepted it: it is neither counted nor sent again.
        const id = await client.messages
          .sendText(session, to, `message ${index}`, never)
          .catch(() => undefined);
        if (id) accepted.push(id);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    })();
    const goesOn = async () => {
      const before = accepted.length;
      await eventually(() => accepted.length > before + 10, 60_000);
    };
    await goesOn();
    // Nobody approves it yet: the number keeps its shard, and its messages flow.
    await cluster.spec('store', { upgrade: { mode: 'Manual' }, multiconnect: { shards: 4 } });
    await eventually(async () => (await condition('ShardsServed'))?.reason === 'WaitingForApproval', 120_000);
    expect((await cluster.stack('store')).status).toMatchObject({ shards: { desired: 4, served: 1 } });
    await goesOn();
    const { generation } = (await cluster.stack('store')).metadata;
    await cluster.annotate('store', { 'waba-operator.dev/approved-generation': String(generation) });
    await cluster.ready('store', 240_000);
    expect((await cluster.stack('store')).status).toMatchObject({
      shards: { desired: 4, served: 4 },
      summary: { shards: '4/4' },
    });
    await goesOn();
    await cluster.spec('store', { upgrade: { mode: 'Automatic' }, multiconnect: { shards: 1 } });
    expect(cluster.killOperator()).toBe(true);
    await cluster.ready('store', 240_000);
    await eventually(
      async () =>
        (await cluster.pods('app.kubernetes.io/instance=store,app.kubernetes.io/component=coreapp'))
          .length === 2,
      120_000,
    );
    await goesOn();
    sending = false;
    await sender;
    const untold = () => accepted.filter((id) => !receiver.statuses(id).includes('delivered'));
    await eventually(() => untold().length === 0, 60_000).catch(() => {});
    expect(untold()).toEqual([]);
    const known = await cluster.number(NUMBER);
    expect(known).toMatchObject({ registrations: 1, codeRequests: 1 });
  });

  it('has its counters under the vendor names beside the metrics of the operator', async () => {
    // Pods were just removed, and the next pass over the stack may be half a minute away.
    const text = await eventually(async () => {
      const metrics = await cluster.operatorMetrics();
      const isReady = metrics.includes('waba_stack_ready{namespace="default",stack="store"} 1\n');
      return isReady && metrics.includes('db_messages{') ? metrics : undefined;
    }, 60_000);
    const lines = text.split('\n');
    for (const name of [
      'web_uptime',
      'api_requests_duration_ms_count',
      'pending_messages',
      'callback_queue_size',
      'out_message_status',
    ])
      expect(
        lines.some((line) => line.startsWith(`${name}{namespace="default",stack="store"`)),
        name,
      ).toBe(true);
    expect(lines).toContain('waba_stack_shards_served{namespace="default",stack="store"} 1');
    expect(
      lines.filter((line) => line.startsWith('waba_stack_up{namespace="default",stack="store"')),
    ).toHaveLength(3);
    expect(text).not.toContain(NUMBER);
  });

  it('fills every query of the dashboards in a real Prometheus', async () => {
    const [pod] = await cluster.pods('', 'waba-operator-system');
    await playBackup();
    const prometheus = await Prometheus.start(`${pod?.status?.podIP}:8081`);
    try {
      const { client, session } = await api();
      // A panel says what it shows instead of a sample that a stack that is well does not have.
      const queries = readdirSync('dashboards')
        .filter((file) => file.endsWith('.json'))
        .flatMap((file) => {
          const dashboard = JSON.parse(readFileSync(`dashboards/${file}`, 'utf8')) as DashboardFile;
          const variables = {
            namespace: 'default',
            stack: 'store',
            __rate_interval: '30s',
            ...typedInto(dashboard),
          };
          return dashboard.panels
            .filter(({ fieldConfig }) => fieldConfig?.defaults.noValue === undefined)
            .flatMap(({ title, targets = [] }) =>
              targets.map(({ expr }) => ({ title: `${file}: ${title}`, expr: filled(expr, variables) })),
            );
        });
      expect(queries.length).toBeGreaterThan(60);
      const empty = async () => {
        const results = await Promise.all(
          queries.map(async ({ title, expr }) => ({
            title,
            expr,
            count: (await prometheus.query(expr)).length,
          })),
        );
        return results.filter(({ count }) => count === 0).map(({ title, expr }) => `${title}: ${expr}`);
      };
      // Sent messages show up after the next reading of the counters. Keep sending, because averages over an idle
      // number are NaN.
      await eventually(async () => {
        await client.messages.sendText(session, '16505540000', 'for the dashboards', never);
        const missing = await empty();
        if (missing.length > 0) throw new Error(missing.join('; '));
        return true;
      }, 120_000);
    } finally {
      await prometheus.close();
    }
  });

  it('shows no secret in any log, event, status or metric', async () => {
    const logs = await cluster.kubectl(
      'logs',
      '-n',
      'waba-operator-system',
      'deployment/waba-operator',
      '--tail=-1',
    );
    const seen = [
      logs,
      await cluster.kubectl('get', 'events', '-A', '-o', 'json'),
      await cluster.kubectl('get', 'wad', '-o', 'json'),
      await cluster.operatorMetrics(),
    ].join('\n');
    for (const planted of Object.values(PLANTED)) expect(seen).not.toContain(planted);
    expect(await cluster.denied(started)).toEqual([]);
  });
});

/** A good backup as the operator leaves it: a dashboard needs the status, and no bytes. */
async function playBackup(): Promise<void> {
  const { apiVersion, kind } = WhatsAppBackupKind;
  const target = { namespace: 'default', name: 'played' };
  await cluster.apply({ apiVersion, kind, metadata: target, spec: { deployment: 'store' } });
  const [startedAt, completedAt] = [60_000, 0].map((ago) => new Date(Date.now() - ago).toISOString());
  await cluster.client.mergePatch(
    WhatsAppBackupKind,
    { ...target, subresource: 'status' },
    { status: { phase: 'Completed', startedAt, completedAt, storedBytes: 4096, plainBytes: 8192 } },
    never,
  );
}
