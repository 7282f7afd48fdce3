import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openKeys } from '../../src/backup/ageKeys.ts';
import { ObjectStore } from '../../src/backup/objectStore.ts';
import { Progress } from '../../src/backup/report.ts';
import { S3Destination } from '../../src/backup/s3Destination.ts';
import { type BackupRig, PASSPHRASE, startBackupRig } from '../support/backupRig.ts';
import { ADMIN_PASSWORD, Simulation } from '../support/simulation.ts';
import { BUCKET, type TestS3, testS3 } from '../support/testS3.ts';

const LIVE = 'live_';
const signal = new AbortController().signal;
let rig: BackupRig;
let s3: TestS3;
let simulation: Simulation;
beforeAll(async () => {
  rig = await startBackupRig('PGSQL');
  s3 = await testS3();
  simulation = await Simulation.start(rig.database, LIVE);
});
afterAll(async () => {
  await simulation?.close();
  await s3?.close();
  await rig?.close();
});

describe('a backup of a running stack in a bucket', () => {
  const run = async (command: string, more: Record<string, string> = {}) => {
    const variables = {
      WABA_BACKUP_NAME: 'live',
      WABA_BACKUP_DESTINATION: `s3://${BUCKET}/of/ours`,
      WABA_S3_ENDPOINT: s3.endpoint,
      WABA_S3_PATH_STYLE: '1',
      WABA_S3_CREDENTIALS_FOLDER: s3.credentialsFolder,
      WA_DB_NAME_PREFIX: LIVE,
      ...more,
    };
    return rig.run(command, { variables, tool: command === 'run' ? { WA_DB_NAME_PREFIX: LIVE } : false });
  };

  it("holds the stack's own backup of its settings, which the stack takes back", async () => {
    const { host, port, serverName, caPem } = simulation.stack.address();
    await writeFile(join(rig.folder, 'ca.pem'), caPem ?? '');
    await writeFile(join(rig.folder, 'admin'), ADMIN_PASSWORD);
    const { result } = await run('run', {
      WABA_API_URL: `https://${host}:${port}`,
      WABA_API_CA_FILE: join(rig.folder, 'ca.pem'),
      WABA_API_PASSWORD_FILE: join(rig.folder, 'admin'),
      ...(serverName ? { WABA_API_SERVER_NAME: serverName } : {}),
    });
    expect(result).toMatchObject({ ok: true, warnings: [] });
    const { endpoint, credentialsFolder } = s3;
    const destination = new S3Destination({
      ...{
        bucket: BUCKET,
        prefix: 'of/ours',
        endpoint,
        region: 'us-east-1',
        pathStyle: true,
        credentialsFolder,
      },
    });
    const objects = new ObjectStore(destination, 'shops/shop/live', new Progress(() => {}));
    const keys = await openKeys(
      (await objects.readPlain('identity.age', signal)) ?? Buffer.alloc(0),
      PASSPHRASE,
    );
    const { data } = JSON.parse(await objects.readSealed('settings.json.age', keys, signal)) as {
      data: string;
    };
    destination.close();
    const { client, session } = simulation;
    await expect(client.settings.restore(session, 'wrong', data, signal)).rejects.toMatchObject({
      apiCode: 1005,
    });
    await client.settings.restore(session, PASSPHRASE, data, signal);
  });

  it('gives its media back', async () => {
    const folder = join(rig.folder, 'new-media');
    await mkdir(folder);
    const { result } = await run('restore-media', { WABA_BACKUP_MEDIA_FOLDER: folder });
    expect(result).toMatchObject({ ok: true, media: { restored: 1, kept: 0 } });
    expect(await readFile(join(folder, 'sub/photo.jpg'), 'utf8')).toBe('a photo');
  });

  it('is listed, verified and removed', async () => {
    const listed = await run('list');
    expect(listed.lines).toEqual([
      expect.objectContaining({ name: 'live', state: 'complete' }),
      expect.objectContaining({ ok: true }),
    ]);
    expect((await run('verify')).result).toMatchObject({ ok: true });
    expect((await run('remove')).result).toMatchObject({ ok: true });
    expect((await run('verify')).result).toMatchObject({ code: 'BackupNotFound' });
  });
});
