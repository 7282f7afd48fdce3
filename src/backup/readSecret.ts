import { readFile } from 'node:fs/promises';
import { CodedError } from '../base/codedError.ts';

/** A secret from a mounted file, without the newline that editors add. @throws CodedError `BadEnvironment` */
export async function readSecret(variable: string, file: string): Promise<string> {
  const secret = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new CodedError('BadEnvironment', `${variable}: cannot read ${file}`, { cause });
  });
  const value = secret.replace(/\r?\n$/, '');
  if (value === '') throw new CodedError('BadEnvironment', `${variable}: ${file} is empty`);
  return value;
}
