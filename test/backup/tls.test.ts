import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createAuthority, issueCertificate } from '../../src/base/pki/certificates.ts';
import { startBackupRig } from '../support/backupRig.ts';

describe('a backup over TLS', () => {
  it.each(['PGSQL', 'MYSQL'] as const)(
    'of %s trusts the CA that it is given, and no other',
    async (engine) => {
      const authority = await createAuthority({ subject: 'CN=database CA' });
      const stranger = await createAuthority({ subject: 'CN=stranger CA' });
      const usage = 'server';
      const server = await issueCertificate(authority, {
        commonName: 'database',
        hosts: ['localhost'],
        usage,
      });
      const rig = await startBackupRig(engine, { server, caPem: authority.certificatePem });
      try {
        const trusting = async (name: string, caPem: string) => {
          await writeFile(join(rig.folder, name), caPem);
          return { WA_DB_HOSTNAME: 'localhost', WA_DB_SSL_CA: join(rig.folder, name) };
        };
        const trusted = await trusting('ca', authority.certificatePem);
        const untrusted = await trusting('stranger', stranger.certificatePem);
        const run = (name: string, tool: Record<string, string>) =>
          rig.run('run', { variables: { ...trusted, WABA_BACKUP_NAME: name }, tool });
        expect((await run('trusted', trusted)).result).toMatchObject({ ok: true });
        // The tool connects by itself, and must be as careful as the agent.
        expect((await run('untrusted', untrusted)).result).toMatchObject({ code: 'DumpFailed' });
      } finally {
        await rig.close();
      }
    },
  );
});
