import { randomBytes, randomInt } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LAPTOP_DEFAULTS } from './laptopDefaults.ts';

/** What a laptop keeps between starts, beside its data. */
export interface LaptopSecrets {
  readonly databasePassword: string;
  readonly adminPassword: string;
  readonly code: string;
}

/** What earlier starts have chosen; a password that is given replaces that. */
export async function loadSecrets(folder: string, password: string | undefined): Promise<LaptopSecrets> {
  const path = join(folder, 'secrets.json');
  const known = await readFile(path, 'utf8').catch(() => undefined);
  const kept = known === undefined ? newSecrets() : (JSON.parse(known) as LaptopSecrets);
  const secrets = { ...kept, ...(password === undefined ? {} : { adminPassword: password }) };
  await writeFile(path, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  return secrets;
}

/** Those of an emulator that keeps nothing. */
export const newSecrets = (password: string = LAPTOP_DEFAULTS.password): LaptopSecrets => ({
  databasePassword: randomBytes(24).toString('base64url'),
  adminPassword: password,
  code: String(randomInt(1_000_000)).padStart(6, '0'),
});
