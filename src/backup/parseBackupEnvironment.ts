import { CodedError } from '../base/codedError.ts';
import { type BackupEnvironment, type BackupVariable, backupEnvironment } from './contract/contract.ts';

/** @throws CodedError `BadEnvironment`, which names each variable and repeats no value */
export function parseBackupEnvironment(env: Readonly<Record<string, string | undefined>>): BackupEnvironment {
  const { data, error } = backupEnvironment.safeParse(env);
  if (data) return data;
  const problems = error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new CodedError('BadEnvironment', `variables are missing or wrong: ${problems.join('; ')}`);
}

/** The value of a variable that this command needs. @throws CodedError `BadEnvironment` */
export function needed<N extends BackupVariable>(
  environment: BackupEnvironment,
  name: N,
): NonNullable<BackupEnvironment[N]> {
  const value = environment[name];
  if (value === undefined || value === null)
    throw new CodedError('BadEnvironment', `set ${name}; \`waba-backup --help\` tells what it is`);
  return value;
}
