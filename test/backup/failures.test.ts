import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dumpScript } from '../../src/backup/contract/dumpScript.ts';
import { exited } from '../../src/base/childProcess.ts';
import { type BackupRig, startBackupRig } from '../support/backupRig.ts';

const DISK_FULL = join(import.meta.dirname, '../support/diskFull.cjs');
let rig: BackupRig;
beforeAll(async () => {
  rig = await startBackupRig('PGSQL');
});
afterAll(() => rig.close());

/** A tool that does this instead of pg_dump. */
async function tool(name: string, text: string): Promise<{ PATH: string }> {
  const folder = join(rig.folder, `tool-${name}`);
  await mkdir(folder);
  await writeFile(
    join(folder, 'pg_dump'),
    `#!/bin/sh\n[ "$1" = --version ] && exec ${REAL} --version\n${text}\n`,
    {
      mode: 0o755,
    },
  );
  return { PATH: `${folder}:${process.env.PATH}` };
}
const REAL = '/usr/bin/pg_dump';
const manifests = async () => (await rig.destination()).filter((path) => path.endsWith('manifest.json'));

describe('a dump tool', () => {
  const cases = {
    'that fails at once': ['echo "no such role" >&2; exit 3', 'failed with code 3: no such role'],
    'that fails after its last byte': [
      `${REAL} "$@"; echo "cannot close the file" >&2; exit 1`,
      'failed with code 1: cannot close the file',
    ],
    'that dies in the middle': [
      'dd if=/dev/zero bs=1000 count=300 2> /dev/null; kill -9 $$',
      'was ended by signal 9: it printed nothing',
    ],
    'that says nothing and fails': ['exit 7', 'failed with code 7: it printed nothing'],
  } as const;
  it.each(Object.entries(cases))('%s makes no backup', async (name, [text, message]) => {
    const {
      result,
      code,
      tool: ended,
    } = await rig.run('run', {
      variables: { WABA_BACKUP_NAME: 'failing' },
      tool: await tool(name.replaceAll(' ', '-'), text),
    });
    expect(result).toMatchObject({ ok: false, code: 'DumpFailed', retriable: true });
    expect(result).toMatchObject({ message: expect.stringContaining(message) });
    expect([code, ended?.code]).toEqual([1, 1]);
    expect(await manifests()).toEqual([]);
  });

  it('that warns and succeeds makes a backup with a warning', async () => {
    const { result } = await rig.run('run', {
      variables: { WABA_BACKUP_NAME: 'warned' },
      tool: await tool('warning', `${REAL} "$@"; echo "a collation is old" >&2`),
    });
    expect(result).toMatchObject({
      ok: true,
      warnings: expect.arrayContaining(['the dump tool says: a collation is old']),
    });
    await rig.run('remove', { variables: { WABA_BACKUP_NAME: 'warned' }, tool: false });
  });

  it('that is not in the image is named', async () => {
    const { result } = await rig.run('run', {
      variables: { WABA_BACKUP_NAME: 'failing' },
      script: dumpScript('PGSQL').replaceAll('pg_dump', 'pg_dump_of_nobody'),
    });
    expect(result).toMatchObject({
      code: 'DumpFailed',
      message: 'this image has no pg_dump_of_nobody; set the image of the database',
    });
  });

  it('whose container never starts is given up', async () => {
    const { result } = await rig.run('run', {
      variables: { WABA_BACKUP_NAME: 'failing', WABA_BACKUP_START_SECONDS: '2' },
      tool: false,
    });
    expect(result).toMatchObject({ code: 'DumpFailed', message: expect.stringContaining('did not start') });
  });

  it('whose container is killed is found out, also while nothing moves', async () => {
    const running = await rig.start('run', {
      variables: { WABA_BACKUP_NAME: 'failing' },
      tool: await tool('hanging', 'printf x; exec sleep 600'),
    });
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    if (running.tool?.pid) process.kill(-running.tool.pid, 'SIGKILL');
    expect((await running.ended).result).toMatchObject({ code: 'DumpFailed' });
  });
});

describe('an agent', () => {
  it('that is killed leaves no tool behind', async () => {
    const running = await rig.start('run', {
      variables: { WABA_BACKUP_NAME: 'failing' },
      tool: await tool('waiting', 'printf x; exec sleep 600'),
    });
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    running.agent.kill('SIGKILL');
    if (running.tool) expect(await exited(running.tool)).toMatchObject({ code: 143 });
  });

  it('that fails before it asks for dumps ends the container beside it', async () => {
    const { result, tool: ended } = await rig.run('run', {
      variables: { WABA_BACKUP_NAME: 'failing', WABA_BACKUP_PASSPHRASE_FILE: '/nowhere' },
    });
    expect(result).toMatchObject({ code: 'BadEnvironment' });
    expect(ended?.code).toBe(143);
  });

  it('that is told to stop says so', async () => {
    const running = await rig.start('run', {
      variables: { WABA_BACKUP_NAME: 'failing' },
      tool: await tool('stopped', 'printf x; exec sleep 600'),
    });
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    running.agent.kill('SIGTERM');
    expect((await running.ended).result).toMatchObject({ code: 'Stopped', retriable: true });
    expect(await manifests()).toEqual([]);
  });

  it('whose destination is full says so, and makes the backup when there is space', async () => {
    const flag = join(rig.folder, 'full');
    await writeFile(flag, '');
    const full = { NODE_OPTIONS: `--require ${DISK_FULL}`, WABA_TEST_DISK_FULL: flag };
    const { result } = await rig.run('run', { variables: { WABA_BACKUP_NAME: 'failing', ...full } });
    expect(result).toMatchObject({
      code: 'DestinationFull',
      message: expect.stringContaining('enlarge the volume'),
    });
    expect((await rig.run('run', { variables: { WABA_BACKUP_NAME: 'failing' } })).result).toMatchObject({
      ok: true,
    });
    expect(
      (await rig.run('verify', { variables: { WABA_BACKUP_NAME: 'failing' }, tool: false })).result,
    ).toMatchObject({
      ok: true,
    });
    await rig.run('remove', { variables: { WABA_BACKUP_NAME: 'failing' }, tool: false });
  });

  it('without a database, a database of the stack or a variable says what to set', async () => {
    const failing = async (variables: Record<string, string>) =>
      (await rig.run('run', { variables: { WABA_BACKUP_NAME: 'failing', ...variables } })).result;
    expect(await failing({ WA_DB_PORT: '1' })).toMatchObject({
      code: 'DatabaseUnreachable',
      retriable: true,
    });
    expect(await failing({ WA_DB_NAME_PREFIX: 'no_' })).toMatchObject({
      code: 'DatabaseMissing',
      message: expect.stringContaining('no_configStore'),
    });
    expect(await failing({ WABA_BACKUP_NAME: '../up' })).toMatchObject({
      code: 'BadEnvironment',
      message: expect.stringContaining('WABA_BACKUP_NAME'),
    });
  });

  it('makes the backup when the API does not answer, with a warning', async () => {
    const { result } = await rig.run('run', {
      variables: {
        WABA_BACKUP_NAME: 'quiet',
        WABA_API_URL: 'https://127.0.0.1:1',
        WABA_API_PASSWORD_FILE: join(rig.folder, 'passphrase'),
      },
    });
    expect(result).toMatchObject({
      ok: true,
      warnings: [expect.stringContaining("without the stack's own backup of its settings")],
    });
  });
});
