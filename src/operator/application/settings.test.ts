import { describe, expect, it } from 'vitest';
import { FakeApplication } from '../../../test/support/fakeApplicationPass.ts';
import { settingsDifferences } from './settings.ts';

const APPLICATION = '/v1/settings/application';

/** One pass: what differs, and its repair. */
async function synchronise(application: FakeApplication): Promise<string[]> {
  const differences = await settingsDifferences(application.pass());
  for (const { repair } of differences) await repair();
  return differences.flatMap(({ fields }) => fields);
}

describe('application settings', () => {
  it('are not read while none are declared', async () => {
    const application = new FakeApplication();
    expect(await synchronise(application)).toEqual([]);
    expect(application.stack.takeCalls()).toEqual([]);
  });

  it('are read and left alone when they are as declared, numbers as text and lists in any order', async () => {
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

  it('are patched with what differs only, without a restart that nothing needs', async () => {
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

  it('restart the Coreapps once where they take effect only so, in one call with the others', async () => {
    const application = new FakeApplication({ settings: { heartbeatInterval: 7, callbackPersist: false } });
    await synchronise(application);
    await synchronise(application);
    expect(application.stack.takeWrites()).toEqual([
      [`PATCH ${APPLICATION}`, { heartbeat_interval: 7, callback_persist: false }],
    ]);
    expect(application.journal.coreappRestarts).toBe(1);
    expect(application.journal.settings.pending).toBeUndefined();
  });

  it('restart nothing when the nodes have started under the declared values, which are the defaults', async () => {
    const application = new FakeApplication({ settings: { callbackPersist: true } });
    expect(await synchronise(application)).toEqual([]);
    expect(application.stack.takeWrites()).toEqual([]);
    expect(application.journal).toMatchObject({
      coreappRestarts: 0,
      settings: { applied: expect.any(String) },
    });
  });

  it('restart the Coreapps though the answer to the patch was lost, and without another patch', async () => {
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

  it('are patched again when the patch never arrived', async () => {
    const application = new FakeApplication({ settings: { callbackPersist: false } });
    application.stack.failNext(`PATCH ${APPLICATION}`, { lose: 'before' });
    await expect(synchronise(application)).rejects.toMatchObject({ code: 'Unreachable' });
    await synchronise(application);
    expect(application.stack.state.settings.callback_persist).toBe(false);
    expect(application.journal.coreappRestarts).toBe(1);
  });

  it('are not patched when somebody else has written the journal', async () => {
    const application = new FakeApplication({ settings: { callbackPersist: false } });
    application.journals.failWrite(1, 'conflict');
    await expect(synchronise(application)).rejects.toMatchObject({ code: 'Conflict' });
    expect(application.stack.takeWrites()).toEqual([]);
  });

  it('that are refused fail with the code of the stack, and order no restart', async () => {
    const application = new FakeApplication({ settings: { callbackPersist: false } });
    application.stack.failNext(`PATCH ${APPLICATION}`, { refuse: 1009, details: 'callback_persist' });
    await expect(synchronise(application)).rejects.toMatchObject({ code: 'Api1009', apiCode: 1009 });
    expect(application.journal.coreappRestarts).toBe(0);
  });
});
