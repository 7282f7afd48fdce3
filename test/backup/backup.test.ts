import { execFileSync } from 'node:child_process';
import { copyFile, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Kysely, sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openKeys } from '../../src/backup/ageKeys.ts';
import { databasesDump, listedBackup, progressLine } from '../../src/backup/contract/contract.ts';
import { openedBackup, sealedLine } from '../../src/backup/contract/openedBackup.ts';
import { sqlForm } from '../../src/backup/sqlCompression.ts';
import { createReaderKey, open } from '../../src/base/sealedBox.ts';
import { type BackupRig, PASSPHRASE, PREFIX, startBackupRig } from '../support/backupRig.ts';

const ODD = "it's (a) \\'quoted\\' text;\nUSE `shop_waweb`;\r\nINSERT INTO `x` VALUES (1),(2); \u{1f40b} \\";
const ROWS = 2_000;
const SQL = databasesDump(sqlForm);
const MONDAY = { WABA_BACKUP_NAME: 'monday' };

/** A table whose content could be taken for something else. */
async function addOddRows(rig: BackupRig): Promise<void> {
  const database = rig.databases.message as unknown as Kysely<unknown>;
  const [blob, binary] = (rig.engine === 'PGSQL' ? ['bytea', 'bytea'] : ['mediumblob', 'binary(8)']).map(
    (type) => sql.raw(type),
  );
  await sql`CREATE TABLE odd_rows (id int primary key, body text, content ${blob})`.execute(database);
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
  for (let id = 0; id < ROWS; id += 100) {
    const values = Array.from({ length: 100 }, (_, more) => sql`(${id + more}, ${ODD}, ${bytes})`);
    await sql`INSERT INTO odd_rows VALUES ${sql.join(values)}`.execute(database);
  }
  await sql`CREATE TABLE odd_bytes (pairs ${blob}, fixed ${binary}, flags bit(9))`.execute(database);
  const pairs = Buffer.from(Array.from({ length: 65_536 }, (_, index) => [index >> 8, index & 255]).flat());
  for (const fixed of [
    [0, 39, 92, 10, 26, 13, 34, 0],
    [0xe2, 92, 0xf0, 39, 0x80, 0xff, 92, 92],
  ])
    await sql`INSERT INTO odd_bytes VALUES (${pairs}, ${Buffer.from(fixed)}, b'100010110')`.execute(database);
}
async function oddBytes(rig: BackupRig) {
  const database = rig.databases.message as unknown as Kysely<unknown>;
  return (await sql`SELECT * FROM odd_bytes ORDER BY fixed`.execute(database)).rows;
}
async function oddRows(rig: BackupRig) {
  const database = rig.databases.message as unknown as Kysely<unknown>;
  const { rows } = await sql<{ body: string; content: Buffer }>`SELECT body, content FROM odd_rows`.execute(
    database,
  );
  return { count: rows.length, bodies: new Set(rows.map(({ body }) => body)), first: rows[0]?.content };
}

describe.each(['PGSQL', 'MYSQL'] as const)('a backup of %s', (engine) => {
  let rig: BackupRig;
  const at = (...path: string[]) => join(rig.folder, ...path);
  const object = (...path: string[]) => at('destination/shops/shop/monday', ...path);
  const run = (command: string, variables: Record<string, string> = {}) =>
    rig.run(command, { variables: { ...MONDAY, ...variables } });
  /** Commands that read no database need no container beside them. */
  const alone = (command: string, variables: Record<string, string> = {}) =>
    rig.run(command, { variables: { ...MONDAY, ...variables }, tool: false });
  const manifest = async () => JSON.parse(await readFile(object('manifest.json'), 'utf8'));

  beforeAll(async () => {
    rig = await startBackupRig(engine);
    await addOddRows(rig);
  });
  afterAll(() => rig.close());

  it('holds databases, Secrets and media, and says what it holds', async () => {
    const { code, result, tool, lines } = await run('run');
    expect(result).toMatchObject({ ok: true, name: 'monday' });
    expect([code, tool?.code]).toEqual([0, 0]);
    expect(lines.slice(0, -1).map((line) => progressLine.safeParse(line).success)).toContain(true);
    expect(JSON.parse(await readFile(at('termination'), 'utf8'))).toEqual(result);
    const dumps =
      engine === 'PGSQL'
        ? ['clusterStore', 'configStore', 'messageStore', 'waweb'].map(
            (name) => `database/${PREFIX}${name}.dump.age`,
          )
        : [SQL];
    const others = ['identity.age', 'manifest.age', 'manifest.json', 'media.tar.age', 'secrets.json.age'];
    expect(await rig.destination()).toEqual([...dumps, ...others].map((name) => `shops/shop/monday/${name}`));
    const { facts, dumps: described } = await manifest();
    expect(facts).toEqual({ stack: 'shop', shards: 2 });
    const rows = Object.assign({}, ...described.map(({ rows }: { rows: object }) => rows));
    expect(rows).toMatchObject({
      [`${PREFIX}messageStore.${engine === 'PGSQL' ? 'public.' : ''}odd_rows`]: ROWS,
    });
  });

  it('tells the holder of a key what it holds, and nobody else', async () => {
    const key = createReaderKey();
    const { code, lines } = await alone('open', { WABA_BACKUP_READER_KEY: key.publicKey });
    expect(code).toBe(0);
    const hidden = Buffer.from('hidden').toString('base64');
    expect(JSON.stringify(lines)).not.toContain(hidden);
    const [line] = lines.flatMap((one) => sealedLine.safeParse(one).data ?? []);
    const opened = openedBackup.parse(JSON.parse(open(line?.sealed ?? '', key)));
    expect(opened).toMatchObject({
      folder: 'shops/shop',
      name: 'monday',
      facts: { stack: 'shop', shards: 2 },
      engine,
      hasMedia: true,
      secrets: { 'shop-database': { password: hidden } },
    });
    expect((await alone('open')).result).toMatchObject({ ok: false, code: 'BadEnvironment' });
  });

  it('hides everything but the manifest', async () => {
    for (const path of await rig.destination()) {
      const bytes = await readFile(at('destination', path));
      for (const secret of ['hidden', PASSPHRASE, 'a photo', 'odd_rows'])
        expect(bytes.includes(secret), `${path}: ${secret}`).toBe(
          path.endsWith('.json') && secret === 'odd_rows',
        );
    }
  });

  it('is not made twice under one name', async () => {
    const before = await readFile(object('identity.age'));
    expect((await alone('run')).result).toMatchObject({ ok: false, code: 'BackupExists' });
    expect((await readFile(object('identity.age'))).equals(before)).toBe(true);
  });

  it('opens with age and the tools of the database alone', async () => {
    // The tool asks a terminal for the passphrase.
    const decrypt = `age --decrypt --identity ${object('identity.age')} --output ${at('opened')} ${object('manifest.age')}`;
    execFileSync('script', ['--quiet', '--return', '--command', decrypt, '/dev/null'], {
      input: `${PASSPHRASE}\n`,
    });
    expect(JSON.parse(await readFile(at('opened'), 'utf8'))).toEqual(await manifest());
    // What it finds behind the passphrase, so that it need not ask again.
    const keys = await openKeys(await readFile(object('identity.age')), PASSPHRASE);
    await writeFile(at('identity.txt'), keys.identity, { mode: 0o600 });
    const open = (name: string) =>
      execFileSync('age', ['--decrypt', '--identity', at('identity.txt'), object(name)], { maxBuffer: 1e9 });
    expect(JSON.parse(String(open('secrets.json.age')))).toEqual({
      'shop-database': { password: Buffer.from('hidden').toString('base64') },
    });
    const media = execFileSync('tar', ['--extract', '--to-stdout', 'sub/photo.jpg'], {
      input: open('media.tar.age'),
    });
    expect(String(media)).toBe('a photo');
    const dump =
      engine === 'PGSQL'
        ? execFileSync('pg_restore', ['--file=-'], {
            input: open(`database/${PREFIX}messageStore.dump.age`),
            maxBuffer: 1e9,
          })
        : execFileSync(SQL.endsWith('.gz.age') ? 'gunzip' : 'unzstd', { input: open(SQL), maxBuffer: 1e9 });
    expect(String(dump)).toContain(
      engine === 'PGSQL' ? 'CREATE TABLE public.odd_rows' : 'CREATE TABLE `odd_rows`',
    );
  });

  it('is listed, beside one that is not complete and one that is broken', async () => {
    const folder = at('destination/shops/shop');
    await cp(join(folder, 'monday'), join(folder, 'halved'), { recursive: true });
    await rm(join(folder, 'halved/manifest.json'));
    await mkdir(join(folder, 'broken'));
    await writeFile(join(folder, 'broken/manifest.json'), '{}');
    const { lines } = await alone('list', { WABA_BACKUP_PASSPHRASE_FILE: '/nowhere' });
    expect(lines.slice(0, -1).every((line) => listedBackup.safeParse(line).success)).toBe(true);
    expect(lines.slice(0, -1)).toEqual([
      { name: 'broken', state: 'broken', storedBytes: 2, problem: expect.stringContaining('manifest') },
      { name: 'halved', state: 'incomplete', storedBytes: expect.any(Number) },
      expect.objectContaining({
        name: 'monday',
        state: 'complete',
        finishedAt: (await manifest()).finishedAt,
      }),
    ]);
    expect((await alone('verify', { WABA_BACKUP_NAME: 'halved' })).result).toMatchObject({
      code: 'BackupIncomplete',
    });
    for (const name of ['halved', 'broken'])
      expect((await alone('remove', { WABA_BACKUP_NAME: name })).result).toMatchObject({ ok: true });
  });

  it('is verified, also by restoring it beside the stack', async () => {
    expect((await alone('verify')).result).toMatchObject({ ok: true });
    const before = await rig.server.databases();
    const { result, tool } = await run('verify', { WABA_BACKUP_VERIFY_DATABASES: '1' });
    expect(result).toMatchObject({ ok: true });
    expect(tool?.code).toBe(0);
    expect(await rig.server.databases()).toEqual(before);
  });

  it('is found spoilt, whatever was changed', async () => {
    await cp(object(), at('good'), { recursive: true });
    const spoil = async (what: string, work: () => Promise<void>, code: string, variables = {}) => {
      await work();
      expect((await alone('verify', variables)).result, what).toMatchObject({ ok: false, code });
      await rm(object(), { recursive: true });
      await cp(at('good'), object(), { recursive: true });
    };
    const edit = (name: string, change: (bytes: Buffer) => Buffer) => async () =>
      writeFile(object(name), change(await readFile(object(name))));
    const last = (bytes: Buffer) =>
      Buffer.concat([bytes.subarray(0, -1), Buffer.from([(bytes.at(-1) ?? 0) ^ 1])]);
    await spoil('a bit', edit('media.tar.age', last), 'BackupCorrupted');
    await spoil(
      'an end',
      edit('secrets.json.age', (bytes) => bytes.subarray(0, -3)),
      'BackupCorrupted',
    );
    await spoil('an object', () => rm(object('secrets.json.age')), 'BackupIncomplete');
    await spoil(
      'two objects',
      () => copyFile(object('secrets.json.age'), object('media.tar.age')),
      'BackupCorrupted',
    );
    const other = (bytes: Buffer) => Buffer.from(String(bytes).replace('"shards": 2', '"shards": 4'));
    await spoil('the manifest', edit('manifest.json', other), 'BackupCorrupted');
    await spoil('the key', edit('identity.age', last), 'BackupCorrupted');
    await writeFile(at('other-passphrase'), 'wrong');
    const wrong = { WABA_BACKUP_PASSPHRASE_FILE: at('other-passphrase') };
    await spoil('the passphrase', async () => {}, 'PassphraseWrong', wrong);
    await spoil(
      'the name',
      () => cp(object(), at('destination/shops/shop/tuesday'), { recursive: true }),
      'BackupCorrupted',
      {
        WABA_BACKUP_NAME: 'tuesday',
      },
    );
    expect((await alone('verify', { WABA_BACKUP_NAME: 'never' })).result).toMatchObject({
      code: 'BackupNotFound',
    });
    expect((await alone('verify')).result).toMatchObject({ ok: true });
  });

  it('is restored only over empty databases, or when told to overwrite', { timeout: 120_000 }, async () => {
    const before = await oddRows(rig);
    expect(before).toMatchObject({ count: ROWS, bodies: new Set([ODD]) });
    expect((await run('restore')).result).toMatchObject({ ok: false, code: 'DatabaseNotEmpty' });
    const bytes = await oddBytes(rig);
    expect(bytes).toHaveLength(2);
    await sql`DELETE FROM odd_rows`.execute(rig.databases.message);
    const { result } = await run('restore', { WABA_BACKUP_OVERWRITE: '1' });
    expect(result).toMatchObject({ ok: true });
    // The connections of before are gone with their databases.
    await expect.poll(() => oddRows(rig).catch(() => undefined)).toEqual(before);
    expect(await oddBytes(rig)).toEqual(bytes);
    const elsewhere = { WA_DB_NAME_PREFIX: 'other_' };
    const moved = await rig.run('restore', { variables: { ...MONDAY, ...elsewhere }, tool: elsewhere });
    expect(moved.result).toMatchObject({
      ok: true,
      databases: ['clusterStore', 'configStore', 'messageStore', 'waweb'].map((name) => `other_${name}`),
    });
    const messages = engine === 'PGSQL' ? 'public.odd_rows' : 'odd_rows';
    expect(await rig.server.rows('other_messageStore')).toMatchObject({ [messages]: ROWS });
  });

  it('gives its media back, and keeps what is there', async () => {
    await mkdir(at('new-media'));
    const restore = () => alone('restore-media', { WABA_BACKUP_MEDIA_FOLDER: at('new-media') });
    expect((await restore()).result).toMatchObject({ ok: true, media: { restored: 1, kept: 0 } });
    expect(await readFile(at('new-media/sub/photo.jpg'), 'utf8')).toBe('a photo');
    await writeFile(at('new-media/sub/photo.jpg'), 'a later photo');
    expect((await restore()).result).toMatchObject({ ok: true, media: { restored: 0, kept: 1 } });
    expect(await readFile(at('new-media/sub/photo.jpg'), 'utf8')).toBe('a later photo');
    const missing = await alone('restore-media', { WABA_BACKUP_MEDIA_FOLDER: at('nowhere') });
    expect(missing.result).toMatchObject({ ok: false, code: 'MediaUnwritable', retriable: false });
  });

  it('is removed', async () => {
    expect((await alone('remove')).result).toMatchObject({ ok: true, name: 'monday' });
    expect(await rig.destination()).not.toContainEqual(expect.stringContaining('/monday/'));
    expect((await alone('remove')).result).toMatchObject({ ok: true });
  });
});
