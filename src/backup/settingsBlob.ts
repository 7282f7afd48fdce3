import { readFile } from 'node:fs/promises';
import { StackClient } from '../client/stackClient.ts';
import { HttpsStackTransport } from '../client/stackTransport.ts';
import type { BackupEnvironment } from './contract/contract.ts';
import { needed } from './parseBackupEnvironment.ts';
import { readSecret } from './readSecret.ts';

/** Asks the stack for its own backup of registration and settings, encrypted with `password`. */
export async function settingsBlob(
  environment: BackupEnvironment,
  url: string,
  password: string,
  signal: AbortSignal,
): Promise<string> {
  const { hostname: host, port } = new URL(url);
  const { WABA_API_CA_FILE: caFile, WABA_API_SERVER_NAME: serverName, WABA_API_USER: user } = environment;
  const adminPassword = await readSecret(
    'WABA_API_PASSWORD_FILE',
    needed(environment, 'WABA_API_PASSWORD_FILE'),
  );
  const client = new StackClient(
    new HttpsStackTransport({
      host,
      port: port === '' ? 443 : Number(port),
      serverName,
      ca: caFile === undefined ? undefined : await readFile(caFile, 'utf8'),
    }),
  );
  try {
    const session = await client.users.login(user, adminPassword, {}, signal);
    try {
      return await client.settings.backup(session, password, signal);
    } finally {
      await client.users.logout(session, signal).catch(() => {});
    }
  } finally {
    client.close();
  }
}
