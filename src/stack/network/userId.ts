import { createHash } from 'node:crypto';
import type { Person } from './networkEntries.ts';

/** Of the number's country, for the calling codes that the documentation uses; `ZZ` otherwise. */
const COUNTRIES: readonly (readonly [code: string, country: string])[] = [
  ['1', 'US'],
  ['33', 'FR'],
  ['34', 'ES'],
  ['39', 'IT'],
  ['44', 'GB'],
  ['49', 'DE'],
  ['52', 'MX'],
  ['54', 'AR'],
  ['55', 'BR'],
  ['57', 'CO'],
  ['62', 'ID'],
  ['91', 'IN'],
  ['972', 'IL'],
];

/** `CC.` and letters and digits. Source: docs/onprem/cloud-migration.md §17.5. */
export const USER_ID = /^[A-Z]{2}\.[A-Za-z0-9]{1,128}$/;

/** The business-scoped id of a person: the one that a test chose, or one made of their number. */
export function userIdOf(waId: string, person: Pick<Person, 'userId'> = {}): string {
  if (person.userId !== undefined) return person.userId;
  const country = COUNTRIES.find(([code]) => waId.startsWith(code))?.[1] ?? 'ZZ';
  return `${country}.${createHash('sha256').update(`user ${waId}`).digest('hex').slice(0, 16)}`;
}

/** What stands for the number in ids of messages of a person who hides it: an id tells the number of its person. */
export function peerInIds(waId: string, person: Pick<Person, 'hidesNumber'> = {}): string {
  if (person.hidesNumber !== true) return waId;
  const hash = createHash('sha256').update(`peer ${waId}`).digest().readBigUInt64BE();
  return `9${String(hash % 10n ** 13n).padStart(13, '0')}`;
}
