import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto';
import { z } from 'zod';
import { Refusal } from '../wire/protocol.ts';

/** What a backup holds: the registration and the settings, no messages. Source: docs/onprem/api-admin.md §10.1. */
const backup = z.object({
  account: z.object({
    cc: z.string(),
    phoneNumber: z.string(),
    vname: z.string(),
    cert: z.string(),
    registrationKey: z.string(),
    pin: z.string().optional(),
  }),
  shards: z.int(),
  documents: z.record(z.string(), z.unknown()),
});
export type Backup = z.output<typeof backup>;

const PARTS = { salt: 16, iv: 12, tag: 16 } as const;
const keyOf = (password: string, salt: Buffer): Buffer => scryptSync(password, salt, 32);

/** Encrypts a backup with the password. The format is our own. */
export function sealBackup(content: Backup, password: string): string {
  const [salt, iv] = [randomBytes(PARTS.salt), randomBytes(PARTS.iv)];
  const cipher = createCipheriv('aes-256-gcm', keyOf(password, salt), iv);
  const text = Buffer.concat([cipher.update(JSON.stringify(content), 'utf8'), cipher.final()]);
  return Buffer.concat([salt, iv, cipher.getAuthTag(), text]).toString('base64');
}

/** @throws Refusal 1005 for a wrong password, and for data that is not a backup */
export function openBackup(data: string, password: string): Backup {
  try {
    const bytes = Buffer.from(data, 'base64');
    const [salt, iv, tag] = [
      bytes.subarray(0, PARTS.salt),
      bytes.subarray(PARTS.salt, PARTS.salt + PARTS.iv),
      bytes.subarray(PARTS.salt + PARTS.iv, PARTS.salt + PARTS.iv + PARTS.tag),
    ];
    const decipher = createDecipheriv('aes-256-gcm', keyOf(password, salt), iv);
    decipher.setAuthTag(tag);
    const text = bytes.subarray(PARTS.salt + PARTS.iv + PARTS.tag);
    return backup.parse(JSON.parse(decipher.update(text, undefined, 'utf8') + decipher.final('utf8')));
  } catch {
    throw new Refusal(1005, 'The password does not open the data');
  }
}
