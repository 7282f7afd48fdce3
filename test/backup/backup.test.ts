import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BackupRig, startBackupRig } from '../support/backupRig.ts';

describe.each(['PGSQL', 'MYSQL'] as const)('a backup of %s', (engine) => {
  let rig: BackupRig;
  beforeAll(async () => {
    rig = await startBackupRig(engine);
  });
  afterAll(() => rig.close());

  it('is made, listed, verified and removed', async () => {
    const made = await rig.run('run', { variables: { WABA_BACKUP_NAME: 'monday' } });
    expect(made.result).toMatchObject({ ok: true, name: 'monday' });
    const v = await rig.run('verify', {
      variables: { WABA_BACKUP_NAME: 'monday', WABA_BACKUP_VERIFY_DATABASES: '1' },
    });
    expect(v.result).toMatchObject({ ok: true });
  });
});
