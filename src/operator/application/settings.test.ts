import { describe, expect, it } from 'vitest';
import { FakeApplication } from '../../../test/support/fakeApplicationPass.ts';
import { settingsDifferences } from './settings.ts';

const APPLICATION = '/v1/settings/application';

/** Runs one pass with its repairs. Returns the fields that differed. */
async function synchronise(application: FakeApplication): Promise<string[]> {
  const differences = await settingsDifferences(application.pass());
  for (const { repair } of differences) await repair();
  return differences.flatMap(({ fields }) => fields);
}

describe('application settings', () => {
  it('are not read if none are declared', async () => {
    const application = new FakeApplication();
    expect(await synchronise(application)).toEqual([]);
    expect(application.stack.takeCalls()).toEqual([]);
  });

  it('are not written when they match spec, with numbers as text and lists in any order', async () => {
    const application = new FakeApplication({
      settings: {
        heartbeatInterval: 5,
        media: { autoDownload: ['document', 'image', 'audio', 'video', 'voice', 'sticker'] },
      },
    });
    expect(await synchronise(application)).toEqual([]);
    expect(application.stack.takeCalls()).toEqual([`GET ${APPLICATION}`]);
    expect(application.journals.writes).toBe(0);
  });

  it('are patched only where they differ, without a needless restart', async () => {
    const application = new FakeApplication({
      settings: { heartbeatInterval: 7, unhealthyInterval: 30 },
      webhook: { url: 'https://receiver.test/hook' },
    });
    expect(await synchronise(application)).toEqual(['heartbeat_interval', 'webhooks.url']);
    expect(application.stack.takeWrites()).toEqual([
      [`PATCH ${APPLICATION}`, { heartbeat_interval: 7, webhooks: { url: 'https://receiver.test/hook' } }],
    ]);
    expect(application.journal.coreappRestarts).toBe(0);
    expect(await synchronise(application)).toEqual([]);
  });

  it('restart the Coreapps once if a setting needs it, patched in one call with the others', async () => {
    const application = new FakeApplication({ settings: { heartbeatInterval: 7, callbackPersist: false } });
    await synchronise(application);
    await synchronise(application);
    expect(application.stack.takeWrites()).toEqual([
      [`PATCH ${APPLICATION}`, { heartbeat_interval: 7, callback_persist: false }],
    ]);
    expect(application.journal.coreappRestarts).toBe(1);
    expect(application.journal.settings.pending).toBeUndefined();
  });

  it('restart nothing when the declared values are the defaults, with which the nodes have started', async () => {
    const application = new FakeApplication({ settings: { callbackPersist: true } });
    expect(await synchronise(application)).toEqual([]);
    expect(application.stack.takeWrites()).toEqual([]);
    expect(application.journal).toMatchObject({
      coreappRestarts: 0,
      settings: { applied: expect.any(String) },
    });
  });

  it('restart the Coreapps without another patch when the answer to the patch was lost', async () => {
    const application = new FakeApplication({ settings: { callbackPersist: false } });
    application.stack.failNext(`PATCH ${APPLICATION}`, { lose: 'after' });
    await expect(synchronise(application)).rejects.toMatchObject({ code: 'Unreachable' });
    expect(application.journal).toMatchObject({
      coreappRestarts: 0,
      settings: { pending: expect.any(String) },
    });
    application.stack.takeCalls();

    expect(await synchronise(application)).toEqual([]);
    expect(application.stack.takeWrites()).toEqual([]);
    expect(application.journal).toMatchObject({
      coreappRestarts: 1,
      settings: { applied: expect.any(String) },
    });
  });

  it('are patched again when the patch never reached the stack', async () => {
    const application = new FakeApplication({ settings: { callbackPersist: false } });
    application.stack.failNext(`PATCH ${APPLICATION}`, { lose: 'before' });
    await expect(synchronise(application)).rejects.toMatchObject({ code: 'Unreachable' });
    await synchronise(application);
    expect(application.stack.state.settings.callback_persist).toBe(false);
    expect(application.journal.coreappRestarts).toBe(1);
  });

  it('are not patched when another process has written the journal', async () => {
    const application = new FakeApplication({ settings: { callbackPersist: false } });
    application.journals.failWrite(1, 'conflict');
    await expect(synchronise(application)).rejects.toMatchObject({ code: 'Conflict' });
    expect(application.stack.takeWrites()).toEqual([]);
  });

  it('fail with the code of the stack when it refuses them, and trigger no restart', async () => {
    const application = new FakeApplication({ settings: { callbackPersist: false } });
    application.stack.failNext(`PATCH ${APPLICATION}`, { refuse: 1009, details: 'callback_persist' });
    await expect(synchronise(application)).rejects.toMatchObject({ code: 'Api1009', apiCode: 1009 });
    expect(application.journal.coreappRestarts).toBe(0);
  });
});
