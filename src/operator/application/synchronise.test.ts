import { describe, expect, it } from 'vitest';
import { FakeApplication } from '../../../test/support/fakeApplicationPass.ts';
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
