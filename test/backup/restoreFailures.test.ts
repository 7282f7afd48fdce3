import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { exited } from '../../src/base/childProcess.ts';
import { type BackupRig, filesBelow, PREFIX, startBackupRig } from '../support/backupRig.ts';
import { type TestS3, testS3 } from '../support/testS3.ts';

const NAME = { WABA_BACKUP_NAME: 'monday' };
const OVERWRITE = { WABA_BACKUP_OVERWRITE: '1' };
const MESSAGES = `${PREFIX}messageStore`;
/** Both read the whole backup, and neither may change the stack's databases before it was found right. */
const COMMANDS = [
  ['verify', { WABA_BACKUP_VERIFY_DATABASES: '1' }],
  ['restore', OVERWRITE],
] as const;

let s3: TestS3;
beforeAll(async () => {
  s3 = await testS3();
});
afterAll(() => s3.close());
afterEach(() => s3.spoil(() => undefined));

describe.each(['PGSQL', 'MYSQL'] as const)('of a backup of %s in a bucket', (engine) => {
  let rig: BackupRig;
  const run = (command: string, variables: Record<string, string> = {}) =>
    rig.run(command, { variables: { ...s3.variables(engine), ...NAME, ...variables } });
  const object = (path = '') => join(s3.objects(engine), 'shops/shop/monday', path);
  const dump = async () => (await filesBelow(object())).find((path) => path.startsWith('database/')) ?? '';
  /** Tables and rows of the stack, and nothing of a verification. */
  const databases = async () => [await rig.server.databases(), await rig.server.rows(MESSAGES)];
  let before: Awaited<ReturnType<typeof databases>>;

  beforeAll(async () => {
    rig = await startBackupRig(engine);
    expect((await run('run')).result).toMatchObject({ ok: true });
    await writeFile(join(rig.folder, 'other'), 'another passphrase');
    before = await databases();
  });
  afterAll(() => rig.close());

  describe.each(COMMANDS)('%s %o', (command, variables) => {
    const failing = async (code: string, more: Record<string, string> = {}) => {
      const ended = await run(command, { ...variables, ...more });
      expect(ended.result).toMatchObject({ ok: false, code });
      expect(await databases()).toEqual(before);
      return ended;
    };

    it('tells a wrong passphrase, and changes nothing', async () => {
      const { code } = await failing('PassphraseWrong', {
        WABA_BACKUP_PASSPHRASE_FILE: join(rig.folder, 'other'),
      });
      expect(code).toBe(2);
    });

    it('tells an object that was changed or is gone, and changes nothing', async () => {
      const spoilt = object(await dump());
      const kept = join(rig.folder, 'kept');
      await cp(spoilt, kept);
      const bytes = await readFile(spoilt);
      bytes.writeUInt8(bytes.readUInt8(bytes.length - 9) ^ 1, bytes.length - 9);
      await writeFile(spoilt, bytes);
      await failing('BackupCorrupted');
      await rm(spoilt);
      await failing('BackupIncomplete');
      await cp(kept, spoilt);
    });

    it('gives up a bucket that answers with errors only, changes nothing, and can be tried again', async () => {
      s3.spoil(() => ({ status: 500 }));
      const { result, code } = await failing('DestinationUnreachable');
      expect(result).toMatchObject({ retriable: true });
      expect(code).toBe(1);
    });

    it('succeeds with a bucket that is slow, breaks off and fails now and then', async () => {
      let asked = 0;
      s3.spoil(() => {
        asked++;
        if (asked % 4 === 1) return { status: 500 };
        if (asked % 4 === 2) return { cutAfterBytes: 700, delayMs: 100 };
        return { delayMs: 200 };
      });
      expect((await run(command, variables)).result).toMatchObject({ ok: true });
      expect(await databases()).toEqual(before);
    });
  });

  it('a restore that loses the bucket in the middle says so, and the next one begins anew', async () => {
    const name = await dump();
    let reads = 0;
    // It reads every object twice: first to check it.
    s3.spoil(({ url = '' }) => (url.includes(encodeURI(name)) && ++reads > 1 ? { status: 500 } : undefined));
    expect((await run('restore', OVERWRITE)).result).toMatchObject({
      ok: false,
      code: 'DestinationUnreachable',
      retriable: true,
    });
    s3.spoil(() => undefined);
    expect((await run('restore', OVERWRITE)).result).toMatchObject({ ok: true });
    expect(await databases()).toEqual(before);
  });

  it('a restore that is killed leaves no tool behind, and the next one begins anew', async () => {
    const running = await rig.start('restore', {
      variables: { ...s3.variables(engine), ...NAME, ...OVERWRITE },
    });
    const name = await dump();
    const isRestoring = new Promise<void>((resolve) => {
      let reads = 0;
      s3.spoil(({ url = '' }) => {
        if (!url.includes(encodeURI(name)) || ++reads < 2) return undefined;
        resolve();
        return { delayMs: 60_000 };
      });
    });
    await isRestoring;
    running.agent.kill('SIGKILL');
    // The tool of MySQL takes the end of its input for that of the dump, and ends with 0.
    if (running.tool) await exited(running.tool);
    await running.ended;
    s3.spoil(() => undefined);
    expect((await run('restore', OVERWRITE)).result).toMatchObject({ ok: true });
    expect(await databases()).toEqual(before);
  });
});
