import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Account } from './configStore.ts';
import { FileConfigStore } from './fileConfigStore.ts';

const account: Account = {
  cc: '1',
  phoneNumber: '6315551000',
  vname: 'Shop',
  cert: 'cert',
  registrationKey: 'key',
  pin: '123456',
};
let folder = '';
const open = () => new FileConfigStore(join(folder, 'data'));
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-config-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('configuration in the data directory', () => {
  it('begins with defaults and no account', async () => {
    const store = open();
    expect(await store.account()).toBeUndefined();
    expect(await store.webhookCa()).toBeUndefined();
    expect(await store.documents()).toEqual({});
    expect(await store.settings()).toMatchObject({ callback_persist: true });
  });

  it('is there for the next life of the node, and for nobody else on the machine', async () => {
    const store = open();
    await store.saveAccount(account);
    await store.setWebhookCa('PEM');
    await store.patchSettings({ callback_persist: false });
    await store.saveDocument('about', 'Open');
    const again = open();
    expect(await again.account()).toEqual(account);
    expect(await again.webhookCa()).toBe('PEM');
    expect(await again.settings()).toMatchObject({ callback_persist: false });
    expect(await again.document('about')).toBe('Open');
    expect(await readdir(join(folder, 'data'))).toEqual(['config.json']);
    expect((await stat(join(folder, 'data', 'config.json'))).mode & 0o777).toBe(0o600);
  });

  it('loses none of many changes at once', async () => {
    const store = open();
    await Promise.all(Array.from({ length: 20 }, (_, n) => store.saveDocument(`n${n}`, n)));
    expect(Object.keys(await store.documents())).toHaveLength(20);
    await store.saveDocument('n3', undefined);
    await store.resetSettings();
    expect(await open().document('n3')).toBeUndefined();
    expect(Object.keys(await open().documents())).toHaveLength(19);
  });
});
