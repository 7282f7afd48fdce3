import { describe, expect, it } from 'vitest';
import { FakeApplication } from '../../../test/support/fakeApplicationPass.ts';
import { KEYS } from '../plan/facts/generatedSecrets.ts';
import type { ApiObservation } from '../plan/facts/observed.ts';
import type { ApplicationPass } from './pass.ts';
import { StackSessions } from './stackSession.ts';
import { type Findings, runSteps } from './steps.ts';
import { WebhookCheck } from './webhook.ts';

const never = new AbortController().signal;

/** An application whose API is reached in the same way as in the reconciler. */
function application(spec: object = {}): FakeApplication {
  const app = new FakeApplication(spec, { journal: { webappCa: 'PEM' } });
  app.ownSecrets = {
    'shop-keys': { [KEYS.apiKey]: 'key-of-the-api' },
    'shop-admin': { password: 'Admin-password-1' },
  };
  return app;
}

function visit(
  app: FakeApplication,
  given: {
    readonly pass?: ApplicationPass;
    readonly onObservation?: (api: ApiObservation | undefined) => void;
  } = {},
): Promise<Findings> {
  const { pass = app.pass(), onObservation = () => {} } = given;
  const { observed, journals, refused, nowMs } = pass;
  const sessions = new StackSessions({ clock: app.clock, connect: () => app.stack });
  const gateways = { status: async () => Promise.reject(new Error('no gateway')) };
  const webhooks = new WebhookCheck(async () => ({ layer: 'Status', problem: undefined, latencyMs: 1 }));
  return runSteps(
    {
      key: 'default/shop',
      observed,
      journals,
      sessions,
      refused,
      nowMs,
      onObservation,
      onTarget: () => {},
    },
    { webhooks, gateways, onDrift: () => {} },
    never,
  );
}

const summary = ({ verdicts }: Findings) =>
  Object.values(verdicts).map(({ type, status, reason }) => `${type}=${status}/${reason}`);

describe('the steps of the application controller', () => {
  it('report every condition in the order of the table', async () => {
    expect(summary(await visit(application()))).toEqual([
      'ApiReachable=True/Reachable',
      'TokenValid=True/NoCloud',
      'BuildCurrent=Unknown/Unknown',
      'VersionCurrent=True/NotDeclared',
      'CertificatesReady=True/Generated',
      'SettingsSynced=True/Synced',
      'WebhookReady=True/NotConfigured',
      'WebhookSubscribed=True/NoCloud',
      'Registered=False/CertificateMissing',
      'ShardsServed=False/NotRegistered',
      'NumberHealthy=True/NoCloud',
    ]);
  });

  it('report a refusal under the condition of its step, and run the later steps', async () => {
    const app = application({ settings: { heartbeatInterval: 9 } });
    app.stack.failNext('GET /v1/settings/application', { refuse: 1014 });
    const { verdicts } = await visit(app);
    expect(verdicts.SettingsSynced).toMatchObject({ status: 'False', reason: 'ApiRefused' });
    expect(verdicts.SettingsSynced.message).toContain('1014');
    expect(verdicts.CertificatesReady.status).toBe('True');
    expect(verdicts.WebhookReady.status).toBe('True');
    expect(verdicts.Registered.reason).toBe('CertificateMissing');
  });

  it('withdraw an earlier look at the API as soon as health refutes it', async () => {
    const app = application();
    const pass = app.pass();
    app.stack.state.isRegistered = true;
    const looks: (ApiObservation | undefined)[] = [];
    await visit(app, { pass, onObservation: (api) => looks.push(api) });
    expect(looks[0]).toEqual({ ...pass.observed.api, isSuperseded: true });
    expect(looks.at(-1)?.isSuperseded).toBeUndefined();
    looks.length = 0;
    await visit(app, { onObservation: (api) => looks.push(api) });
    expect(looks).toEqual([expect.not.objectContaining({ isSuperseded: true })]);
  });

  it('wait for a step that got no answer', async () => {
    const app = application({ settings: { heartbeatInterval: 9 } });
    app.stack.failNext('GET /v1/settings/application', { lose: 'before' });
    const { verdicts } = await visit(app);
    expect(verdicts.SettingsSynced).toMatchObject({ status: 'False', reason: 'NoAnswer' });
    expect(verdicts.Registered).toMatchObject({
      status: 'Unknown',
      reason: 'Waiting',
      message: 'waiting until SettingsSynced is True',
    });
  });

  it('go on, and create the other users, when the Secret of one user lacks its key', async () => {
    const user = (name: string) => ({ name, passwordSecretRef: { name, key: 'password' } });
    const app = application({
      users: [user('alice'), user('broken'), user('carol')],
      settings: { heartbeatInterval: 9 },
    });
    app.stack.state.isRegistered = true;
    app.secrets = {
      alice: { password: 'Password-of-alice-1' },
      broken: {},
      carol: { password: 'Password-of-carol-1' },
    };
    const { verdicts } = await visit(app);
    expect(verdicts.SettingsSynced).toMatchObject({
      reason: 'SecretMissing',
      message: expect.stringContaining('Secret broken has no key password'),
    });
    expect(Object.keys(app.stack.state.users)).toEqual(['admin', 'alice', 'carol']);
    expect(app.stack.state.settings.heartbeat_interval).toBe(9);
    expect(
      ['WebhookReady', 'Registered', 'ShardsServed'].map((type) => verdicts[type as 'Registered'].status),
    ).toEqual(['True', 'True', 'True']);
  });

  it('name every Secret that is wrong, not only the first', async () => {
    const user = (name: string) => ({ name, passwordSecretRef: { name, key: 'password' } });
    const app = application({
      users: [user('alice'), user('broken')],
      media: { providers: [{ name: 'cdn', type: 'www', credentialsSecretRef: { name: 'cdn' } }] },
    });
    app.secrets = { alice: {} };
    const { message } = (await visit(app)).verdicts.SettingsSynced;
    expect(message).toContain('Secret alice has no key password');
    expect(message).toContain('Secret broken does not exist');
    expect(message).toContain('Secret cdn does not exist');
  });

  it.each([
    ['too short', 'short', true],
    ['too short', 'short', false],
    ['with a line end', 'key-of-the-api\n', false],
    ['blank', '', false],
  ])(
    'say that no Webapp starts with an API key that is %s (%s, Webapp ready: %s)',
    async (_, apiKey, isReady) => {
      const app = application();
      if (!isReady) app.pods = [];
      app.ownSecrets = { ...app.ownSecrets, 'shop-keys': { [KEYS.apiKey]: apiKey } };
      const { verdicts } = await visit(app);
      expect(verdicts.ApiReachable.reason).toMatch(/^Secret(Refused|Missing)$/);
      expect(verdicts.ApiReachable.message).toMatch(/apiKey of Secret shop-keys/);
    },
  );

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
