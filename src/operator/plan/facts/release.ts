import { z } from 'zod';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { DEFAULTS } from './stackSettings.ts';

/** Images that the operator's release ships. */
export interface ReleaseImages {
  /** Our implementation of the stack, which stacks of `stack: Emulator` run. */
  readonly stack: string;
  /** Repository of the official PostgreSQL image, or of a compatible one. */
  readonly database: string;
}

/** The release images that a stack runs: pinned when it is created, changed only by its user. */
export const pinnedRelease = z.object({
  /** `spec.version` when the release was pinned. */
  version: z.string().optional(),
  stack: z.string(),
  database: z.string(),
  /** Major version of the managed database: a server of another major version cannot read its files. */
  databaseVersion: z.string(),
});
export type PinnedRelease = z.output<typeof pinnedRelease>;

/**
 * The release that a stack runs. A new operator release ships new images; a stack switches to them when its
 * `spec.version` changes, or immediately with `upgrade.operatorChanges: Immediately`.
 */
export function releaseOf(
  { spec }: Pick<WhatsAppDeployment, 'spec'>,
  pinned: PinnedRelease | undefined,
  offered: ReleaseImages,
): PinnedRelease {
  const isAskedFor = spec.upgrade.operatorChanges === 'Immediately' || pinned?.version !== spec.version;
  if (pinned && !isAskedFor) return pinned;
  return {
    ...(spec.version === undefined ? {} : { version: spec.version }),
    ...offered,
    databaseVersion: pinned?.databaseVersion ?? DEFAULTS.databaseVersion,
  };
}
