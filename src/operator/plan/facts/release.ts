import { z } from 'zod';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { DEFAULTS } from './stackSettings.ts';

/** Images of the operator's release, by what they stand for. */
export interface ReleaseImages {
  /** Our implementation of the stack, which stacks of `stack: Emulator` run. */
  readonly stack: string;
  /** Repository of the official PostgreSQL image, or one with its contract. */
  readonly database: string;
}

/** What of an operator's release a stack runs: chosen once, and changed by a user's word alone. */
export const pinnedRelease = z.object({
  /** `spec.version` when it was chosen. */
  version: z.string().optional(),
  stack: z.string(),
  database: z.string(),
  /** Major version of the managed database: a server of another one does not read its files. */
  databaseVersion: z.string(),
});
export type PinnedRelease = z.output<typeof pinnedRelease>;

/**
 * The release that a stack runs. A new release of the operator comes with new images; a stack takes them when its
 * `spec.version` changes, or at once with `upgrade.operatorChanges: Immediately`.
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
