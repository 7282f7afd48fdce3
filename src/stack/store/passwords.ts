import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { Gate } from '../../base/gate.ts';

/**
 * A hash takes 16 MB and a thread for tens of milliseconds. The pool of threads belongs to the whole process, files and
 * look-ups of names need it too, and so the gate is for the whole process as well.
 */
const gate = new Gate({ atOnce: 2, longestQueue: 200 });
const scryptOf = promisify(scrypt) as (password: string, salt: Buffer, length: number) => Promise<Buffer>;

const KEY_BYTES = 32;
const SALT_BYTES = 16;

/** A key from a password. @throws CodedError `Busy` */
export const derivedKey = (password: string, salt: Buffer): Promise<Buffer> =>
  gate.run(() => scryptOf(password, salt, KEY_BYTES));

/** @throws CodedError `Busy` */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  return `${salt.toString('base64')}:${(await derivedKey(password, salt)).toString('base64')}`;
}

/** The hash of no password. Checking it takes as long as checking any other. */
const NOBODY = `${Buffer.alloc(SALT_BYTES).toString('base64')}:${Buffer.alloc(KEY_BYTES).toString('base64')}`;

/**
 * Whether the password belongs to a stored hash. Without one it takes as long, so that the time does not tell which
 * users there are. @throws CodedError `Busy`
 */
export async function isPassword(password: string, stored: string | undefined): Promise<boolean> {
  const [salt = '', digest = ''] = (stored ?? NOBODY).split(':').map((part) => Buffer.from(part, 'base64'));
  const isSame = timingSafeEqual(await derivedKey(password, Buffer.from(salt)), Buffer.from(digest));
  return stored !== undefined && isSame;
}
