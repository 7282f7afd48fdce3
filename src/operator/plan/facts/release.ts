import * as z from 'zod';
import { MANAGED_ENGINES, type ManagedEngine, managedEngines } from '../../resource/managedEngines.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';

/** Images that the operator's release ships. */
export interface ReleaseImages {
  /** Our implementation of the stack, which stacks of `stack: Emulator` run. */
  readonly stack: string;
  /** Repository of the official PostgreSQL image, or of a compatible one. */
  readonly database: string;
  /** Repositories of the official images of MySQL and MariaDB, or of compatible ones. Absent: the official ones. */
  readonly mysql?: string;
  readonly mariadb?: string;
}

/** Where the image of each engine is among those of a release. */
export const DATABASE_IMAGES = {
  PostgreSQL: 'database',
  MySQL: 'mysql',
  MariaDB: 'mariadb',
} as const satisfies Record<ManagedEngine, keyof ReleaseImages>;

/** The release images that a stack runs: pinned when it is created, changed only by its user. */
export const pinnedRelease = z.object({
  /** `spec.version` when the release was pinned. */
  version: z.string().optional(),
  stack: z.string(),
  /** Repository of the image of the managed database. */
  database: z.string(),
  /** Version of the managed database that names none: a server of another series cannot read its files. */
  databaseVersion: z.string(),
  /** Of what `database` and `databaseVersion` are. Absent: PostgreSQL, also of journals of earlier versions. */
  databaseEngine: z.enum(MANAGED_ENGINES).exclude(['PostgreSQL']).optional(),
});
export type PinnedRelease = z.output<typeof pinnedRelease>;

/**
 * The release that a stack runs. A new operator release ships new images; a stack switches to them when its
 * `spec.version` changes, or immediately with `upgrade.operatorChanges: Immediately`.
 *
 * @param kept the engine whose data is there, which no change of the spec replaces
 */
export function releaseOf(
  { spec }: Pick<WhatsAppDeployment, 'spec'>,
  pinned: PinnedRelease | undefined,
  offered: ReleaseImages,
  kept?: ManagedEngine,
): PinnedRelease {
  const isAskedFor = spec.upgrade.operatorChanges === 'Immediately' || pinned?.version !== spec.version;
  const known = pinned?.databaseEngine ?? 'PostgreSQL';
  const engine = kept ?? spec.database.managed?.engine ?? known;
  const isOfEngine = engine === known;
  if (pinned && !isAskedFor && isOfEngine) return pinned;
  const { stack } = pinned && !isAskedFor ? pinned : offered;
  return {
    ...(spec.version === undefined ? {} : { version: spec.version }),
    stack,
    database: offered[DATABASE_IMAGES[engine]] ?? managedEngines[engine].image,
    databaseVersion: (isOfEngine ? pinned?.databaseVersion : undefined) ?? managedEngines[engine].version,
    ...(engine === 'PostgreSQL' ? {} : { databaseEngine: engine }),
  };
}
