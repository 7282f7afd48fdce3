import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import * as z from 'zod';
import { codeRequest } from '../../onprem/account.ts';
import { derivedKey } from '../store/passwords.ts';
import { Refusal } from '../wire/protocol.ts';

/** What a backup holds: the registration and the settings, no messages. Source: docs/onprem/api-admin.md §10.1. */
const backup = z.object({
  account: z.object({
    // Whoever knows the password can write a backup, so it is trusted no more than a call.
    cc: codeRequest.shape.cc,
    phoneNumber: codeRequest.shape.phone_number,
    vname: z.string().max(256),
    cert: codeRequest.shape.cert,
    registrationKey: z.string().max(128),
    pin: codeRequest.shape.pin,
  }),
  shards: z.int(),
  documents: z.record(z.string().max(64), z.unknown()),
});
export type Backup = z.output<typeof backup>;

const PARTS = { salt: 16, iv: 12, tag: 16 } as const;

/** Encrypts a backup with the password. The format is our own. */
export async function sealBackup(content: Backup, password: string): Promise<string> {
  const [salt, iv] = [randomBytes(PARTS.salt), randomBytes(PARTS.iv)];
  const cipher = createCipheriv('aes-256-gcm', await derivedKey(password, salt), iv);
  const text = Buffer.concat([cipher.update(JSON.stringify(content), 'utf8'), cipher.final()]);
  return Buffer.concat([salt, iv, cipher.getAuthTag(), text]).toString('base64');
}

/** @throws Refusal 1005 for a wrong password, and for data that is not a backup */
export async function openBackup(data: string, password: string): Promise<Backup> {
  const bytes = Buffer.from(data, 'base64');
  const key = await derivedKey(password, bytes.subarray(0, PARTS.salt));
  try {
    const [iv, tag] = [
      bytes.subarray(PARTS.salt, PARTS.salt + PARTS.iv),
      bytes.subarray(PARTS.salt + PARTS.iv, PARTS.salt + PARTS.iv + PARTS.tag),
    ];
    const decipher = createDecipheriv('aes-256-gcm', key, iv);
    decipher.setAuthTag(tag);
    const text = bytes.subarray(PARTS.salt + PARTS.iv + PARTS.tag);
    return backup.parse(JSON.parse(decipher.update(text, undefined, 'utf8') + decipher.final('utf8')));
  } catch {
    throw new Refusal(1005, 'The password does not open the data');
  }
}
