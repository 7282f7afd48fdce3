import { describe, expect, it } from 'vitest';
import { FakeApplication } from '../../../test/support/fakeApplicationPass.ts';
import { type DriftReport, synchronise } from './synchronise.ts';

const APPLICATION = 'PATCH /v1/settings/application';
const declared = (changes: object = {}) => ({ settings: { heartbeatInterval: 7 }, ...changes });

/** One pass: its reason, and the drift that it reported. */
async function pass(application: FakeApplication, isRegistered = true) {
  const reports: DriftReport[] = [];
  const verdict = await synchronise(application.pass(), isRegistered, (report) => reports.push(report));
  return { ...verdict, drift: reports[0] };
}
const meddle = (application: FakeApplication) => {
  application.stack.state.settings.heartbeat_interval = 9;
};

describe('the synchronisation of a stack', () => {
  it('reads and writes nothing where nothing is declared', async () => {
    const application = new FakeApplication();
    expect(await pass(application)).toMatchObject({ status: 'True', reason: 'Synced' });
    expect(application.stack.takeCalls()).toEqual([]);
    const { writes } = application.journals;
    await pass(application);
    expect(application.journals.writes).toBe(writes);
  });

  it('takes a change of the resource for a change, not for drift', async () => {
    const application = new FakeApplication(declared());
    expect((await pass(application)).drift).toEqual({ fields: [], isRepaired: true });
    application.spec = declared({ settings: { heartbeatInterval: 8 } });
    expect((await pass(application)).drift).toEqual({ fields: [], isRepaired: true });
    expect(application.stack.state.settings.heartbeat_interval).toBe(8);
  });

  it('sets back and reports what somebody changed by hand', async () => {
    const application = new FakeApplication(declared());
    await pass(application);
    meddle(application);
    expect(await pass(application)).toMatchObject({
      reason: 'Synced',
      drift: { fields: ['heartbeat_interval'], isRepaired: true },
    });
    expect(application.stack.state.settings.heartbeat_interval).toBe(7);
  });

  it('only reports it where the policy says so, with the field and the way out', async () => {
    const application = new FakeApplication(declared({ driftPolicy: 'Report' }));
    await pass(application);
    application.stack.takeCalls();
    meddle(application);
    expect(await pass(application)).toMatchObject({
      status: 'False',
      reason: 'Drifted',
      message: expect.stringMatching(/heartbeat_interval.*spec.driftPolicy to Repair/),
      drift: { fields: ['heartbeat_interval'], isRepaired: false },
    });
    expect(application.stack.takeWrites()).toEqual([]);
  });

  it('does not take its own unfinished change for drift', async () => {
    const application = new FakeApplication(declared({ driftPolicy: 'Report' }));
    application.stack.failNext(APPLICATION, { lose: 'before' });
    await expect(pass(application)).rejects.toMatchObject({ code: 'Unreachable' });
    expect(await pass(application)).toMatchObject({ reason: 'Synced', drift: { fields: [] } });
    expect(application.stack.state.settings.heartbeat_interval).toBe(7);
  });

  it('is not finished while Coreapps have to restart for a setting', async () => {
    const application = new FakeApplication({ settings: { callbackPersist: false } });
    expect(await pass(application)).toMatchObject({
      status: 'False',
      reason: 'RestartingCoreapps',
      message: expect.stringContaining('shop-coreapp-0-0'),
    });
    application.restartPods();
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
});
