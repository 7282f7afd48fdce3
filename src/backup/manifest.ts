import * as z from 'zod';
import { CodedError } from '../base/codedError.ts';
import { backupFacts, FORMAT_VERSION } from './contract/contract.ts';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** An object as it was stored. */
const storedObject = z.object({
  /** Below the folder of the backup, and never outside of it. */
  path: z
    .string()
    .regex(/^[a-z]+(\.json|\.tar)?\.age$|^database\/[A-Za-z0-9_$-]+\.(dump|sql\.(gz|zst))\.age$/),
  plainBytes: z.number(),
  plainSha256: sha256,
  storedBytes: z.number(),
  storedSha256: sha256,
  /** What it holds: files, tables, … */
  counts: z.record(z.string(), z.number()).optional(),
});
export type StoredObject = z.output<typeof storedObject>;

/** A dump, and what it holds. */
const dump = z.object({
  object: z.string(),
  databases: z.array(z.string()),
  /** Rows of each table, `<database>.<table>`. */
  rows: z.record(z.string(), z.number()),
});
export type ManifestDump = z.output<typeof dump>;

const manifest = z.object({
  formatVersion: z.literal(FORMAT_VERSION),
  /** Folder and name: a manifest that was copied to another place is found out. */
  folder: z.string(),
  name: z.string(),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  facts: backupFacts,
  engine: z.enum(['PGSQL', 'MYSQL']),
  tools: z.object({ program: z.string(), server: z.string(), dump: z.string() }),
  dumps: z.array(dump),
  objects: z.array(storedObject),
  warnings: z.array(z.string()),
});
export type Manifest = z.output<typeof manifest>;

export const manifestText = (value: Manifest): string => `${JSON.stringify(value, undefined, 2)}\n`;

/** @throws CodedError `BackupTooNew`, `BackupCorrupted` */
export function parseManifest(text: string, where: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CodedError('BackupCorrupted', `${where} is not JSON`, { cause });
  }
  const { data: version } = z.looseObject({ formatVersion: z.number() }).safeParse(value);
  if (version && version.formatVersion > FORMAT_VERSION)
    throw new CodedError(
      'BackupTooNew',
      `${where} has format ${version.formatVersion}, and this release reads ${FORMAT_VERSION}; use a newer image`,
    );
  const { data, error } = manifest.safeParse(value);
  if (data) return data;
  const [issue] = error.issues;
  throw new CodedError(
    'BackupCorrupted',
    `${where} is no manifest: ${issue?.path.join('.')}: ${issue?.message}`,
  );
}
