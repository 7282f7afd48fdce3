import { describe, expect, it } from 'vitest';
import { FakeApplication } from '../../../test/support/fakeApplicationPass.ts';
import { KEYS } from '../plan/render/stackEnvironment.ts';
import { StackSessions } from './stackSession.ts';
import { type Findings, runSteps } from './steps.ts';
import { WebhookCheck } from './webhook.ts';

const never = new AbortController().signal;

/** An application whose API is reached in the same way as in the reconciler. */
function application(spec: object = {}): FakeApplication {
  const app = new FakeApplication(spec, { journal: { webappCa: 'PEM' } });
  app.ownSecrets = { 'shop-keys': { [KEYS.apiKey]: 'key' }, 'shop-admin': { password: 'Admin-password-1' } };
  return app;
}

function visit(app: FakeApplication): Promise<Findings> {
  const { observed, journals, nowMs } = app.pass();
  const sessions = new StackSessions({ clock: app.clock, connect: () => app.stack });
  const webhooks = new WebhookCheck(async () => ({ layer: 'Status', problem: undefined, latencyMs: 1 }));
  return runSteps(
    { key: 'default/shop', observed, journals, sessions, nowMs, onObservation: () => {}, onTarget: () => {} },
    { webhooks, onDrift: () => {} },
    never,
  );
}

const summary = ({ verdicts }: Findings) =>
  Object.values(verdicts).map(({ type, status, reason }) => `${type}=${status}/${reason}`);

describe('the steps of the application controller', () => {
  it('report every condition in the order of the table', async () => {
    expect(summary(await visit(application()))).toEqual([
      'ApiReachable=True/Reachable',
      'BuildCurrent=Unknown/Unknown',
      'VersionCurrent=True/NotDeclared',
      'CertificatesReady=True/Generated',
      'SettingsSynced=True/Synced',
      'WebhookReady=True/NotConfigured',
      'Registered=False/CertificateMissing',
      'ShardsServed=False/NotRegistered',
    ]);
  });

  it('report an error under the condition of its step, and let later steps wait', async () => {
    const app = application({ settings: { heartbeatInterval: 9 } });
    app.stack.failNext('GET /v1/settings/application', { refuse: 1014 });
    const { verdicts } = await visit(app);
    expect(verdicts.SettingsSynced).toMatchObject({ status: 'False', reason: 'ApiRefused' });
    expect(verdicts.SettingsSynced.message).toContain('1014');
    expect(verdicts.CertificatesReady.status).toBe('True');
    expect(verdicts.Registered).toMatchObject({
      status: 'Unknown',
      reason: 'Waiting',
      message: 'waiting until SettingsSynced is True',
    });
  });

  it('report an error of a later step under that step, not under the settings', async () => {
    const app = application({ multiconnect: { shards: 2 } });
    app.stack.state.isRegistered = true;
    app.secrets = { certificate: { certificate: 'abc' } };
    app.spec = {
      ...app.spec,
      registration: { certificateSecretRef: { name: 'certificate' } },
      multiconnect: { shards: 2, allowReRegistration: true },
    };
    app.stack.failNext('POST /v1/account/shards', { lose: 'before' });
    const { verdicts } = await visit(app);
    expect(verdicts.SettingsSynced.status).toBe('True');
    expect(verdicts.ShardsServed).toMatchObject({ status: 'False', reason: 'NoAnswer' });
  });

  it('report that every condition waits for the API while it cannot be reached', async () => {
    const app = application();
    app.pods = [];
    const { verdicts } = await visit(app);
    expect(verdicts.ApiReachable).toMatchObject({ status: 'False', reason: 'NoWebapp' });
    const others = Object.values(verdicts).filter(({ type }) => type !== 'ApiReachable');
    expect(others.map(({ reason, message }) => `${reason}: ${message}`)).toEqual(
      others.map(() => 'Waiting: waiting until ApiReachable is True'),
    );
  });
});
