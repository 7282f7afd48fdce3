import { describe, expect, it } from 'vitest';
import { FakeApplication } from '../../../test/support/fakeApplicationPass.ts';
import { podView } from '../../../test/support/podView.ts';
import { failed } from '../plan/tell/conditions.ts';
import { type DriftReport, synchronise } from './synchronise.ts';

const APPLICATION = 'PATCH /v1/settings/application';
const declared = (changes: object = {}) => ({ settings: { heartbeatInterval: 7 }, ...changes });

/** Runs one pass. Returns its verdict and the drift that it reported. */
async function pass(application: FakeApplication, isRegistered = true) {
  const reports: DriftReport[] = [];
  const verdict = await synchronise(application.pass(), isRegistered, (report) => reports.push(report));
  return { ...verdict, drift: reports[0] };
}
const causeDrift = (application: FakeApplication) => {
  application.stack.state.settings.heartbeat_interval = 9;
};

describe('the synchronisation of a stack', () => {
  it('reads and writes nothing if nothing is declared', async () => {
    const application = new FakeApplication();
    expect(await pass(application)).toMatchObject({ status: 'True', reason: 'Synced' });
    expect(application.stack.takeCalls()).toEqual([]);
    const { writes } = application.journals;
    await pass(application);
    expect(application.journals.writes).toBe(writes);
  });

  it('does not mistake a change of the resource for drift', async () => {
    const application = new FakeApplication(declared());
    expect((await pass(application)).drift).toEqual({ fields: [], isRepaired: true });
    application.spec = declared({ settings: { heartbeatInterval: 8 } });
    expect((await pass(application)).drift).toEqual({ fields: [], isRepaired: true });
    expect(application.stack.state.settings.heartbeat_interval).toBe(8);
  });

  it('repairs and reports changes by another client', async () => {
    const application = new FakeApplication(declared());
    await pass(application);
    causeDrift(application);
    expect(await pass(application)).toMatchObject({
      reason: 'Synced',
      drift: { fields: ['heartbeat_interval'], isRepaired: true },
    });
    expect(application.stack.state.settings.heartbeat_interval).toBe(7);
  });

  it('only reports drift with driftPolicy Report, with the field and the fix', async () => {
    const application = new FakeApplication(declared({ driftPolicy: 'Report' }));
    await pass(application);
    application.stack.takeCalls();
    causeDrift(application);
    expect(await pass(application)).toMatchObject({
      status: 'False',
      reason: 'Drifted',
      message: expect.stringMatching(/heartbeat_interval.*spec.driftPolicy to Repair/),
      drift: { fields: ['heartbeat_interval'], isRepaired: false },
    });
    expect(application.stack.takeWrites()).toEqual([]);
  });

  it('removes the webhook URL that spec no longer declares, once, but not one of another client', async () => {
    const webhook = { url: 'https://receiver.test/hook' };
    const application = new FakeApplication(declared({ webhook }));
    await pass(application);
    application.spec = declared();
    application.stack.takeCalls();
    application.stack.failNext(APPLICATION, { lose: 'before' });
    await expect(pass(application)).rejects.toMatchObject({ code: 'Unreachable' });
    await pass(application);
    expect(application.stack.state.settings).toMatchObject({ webhooks: { url: '' } });
    application.stack.state.settings = {
      ...application.stack.state.settings,
      webhooks: { url: 'https://other.test/hook' },
    };
    application.stack.takeCalls();
    expect((await pass(application)).drift?.fields).toEqual([]);
    expect(application.stack.takeWrites()).toEqual([]);

    application.spec = declared({ webhook });
    await pass(application);
    application.stack.state.settings = {
      ...application.stack.state.settings,
      webhooks: { url: 'https://other.test/hook' },
    };
    application.spec = {};
    await pass(application);
    expect(application.stack.state.settings).toMatchObject({ webhooks: { url: 'https://other.test/hook' } });
  });

  it('does not mistake its own unfinished change for drift', async () => {
    const application = new FakeApplication(declared({ driftPolicy: 'Report' }));
    application.stack.failNext(APPLICATION, { lose: 'before' });
    await expect(pass(application)).rejects.toMatchObject({ code: 'Unreachable' });
    expect(await pass(application)).toMatchObject({ reason: 'Synced', drift: { fields: [] } });
    expect(application.stack.state.settings.heartbeat_interval).toBe(7);
  });

  it('is not complete while Coreapps must restart for a setting', async () => {
    const application = new FakeApplication({ settings: { callbackPersist: false } });
    expect(await pass(application)).toMatchObject({
      status: 'False',
      reason: 'RestartingCoreapps',
      message: expect.stringContaining('shop-coreapp-0-0'),
    });
    application.restartPods();
    expect(await pass(application)).toMatchObject({ reason: 'Synced' });
  });

  it('is complete while a Coreapp is pending that begins with the setting', async () => {
    const application = new FakeApplication({ settings: { callbackPersist: false } });
    await pass(application);
    application.pods = [...application.pods, podView({ name: 'shop-coreapp-1-0', component: 'coreapp' })];
    application.restartPods();
    application.pods = application.pods.map((pod) =>
      pod.name === 'shop-coreapp-1-0' ? { ...pod, ready: false } : pod,
    );
    expect(await pass(application)).toMatchObject({ reason: 'Synced' });
  });

  it('leaves the profile and the PIN alone until the number is registered', async () => {
    const application = new FakeApplication(
      { profile: { about: 'Open' }, twoStep: { pinSecretRef: { name: 'pin', key: 'pin' } } },
      { secrets: { pin: { pin: '123456' } } },
    );
    await pass(application, false);
    expect(application.stack.takeCalls()).toEqual([]);
    expect((await pass(application)).drift).toEqual({ fields: [], isRepaired: true });
    expect(application.stack.takeWrites()).toHaveLength(2);
  });

  it('repeats a write that the stack refuses ever more seldom, and says when', async () => {
    const application = new FakeApplication(declared());
    refuse(application, 30);
    const at: number[] = [];
    for (let second = 0; second < 120; second += 2) {
      const { verdict } = await attempt(application);
      expect(verdict).toMatchObject({ status: 'False', reason: 'ApiRefused' });
      if (second === 2) expect(verdict.message).toContain('tries again at 2026-03-01T00:00:05Z');
      if (writes(application).length > 0) at.push(second);
      await application.clock.advance(2000);
    }
    expect(at).toEqual([0, 6, 16, 36, 76]);
  });

  it('repeats a refused write at once when the declaration changes, and makes the others meanwhile', async () => {
    const users = [{ name: 'reader', passwordSecretRef: { name: 'reader', key: 'password' } }];
    const application = new FakeApplication(declared({ users }), {
      secrets: { reader: { password: 'Reader-password-1' } },
    });
    refuse(application, 2);
    await attempt(application);
    expect(writes(application)).toEqual([APPLICATION, 'POST /v1/users']);
    await attempt(application);
    expect(writes(application)).toEqual([]);
    application.spec = declared({ users, settings: { heartbeatInterval: 8 } });
    await attempt(application, 2);
    expect(writes(application)).toEqual([APPLICATION]);
  });
});

/** The stack refuses the next changes of its settings. */
function refuse(application: FakeApplication, times: number): void {
  for (let time = 0; time < times; time++) application.stack.failNext(APPLICATION, { refuse: 1008 });
}
const writes = (application: FakeApplication) => application.stack.takeWrites().map(([call]) => call);

/** Runs one pass as the steps do: what it throws becomes the verdict. */
async function attempt(application: FakeApplication, generation = 1) {
  const pass = application.pass();
  const { metadata } = pass.observed.resource;
  const resource = { ...pass.observed.resource, metadata: { ...metadata, generation } };
  const verdict = await synchronise(
    { ...pass, observed: { ...pass.observed, resource } },
    true,
    () => {},
  ).catch((error: unknown) => failed('SettingsSynced', error));
  return { verdict };
}
