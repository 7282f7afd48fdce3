import * as z from 'zod';
import type { Protocol } from './protocol.ts';

/**
 * Both sides of a connection say which version of their protocol they speak. The client says it first and does not
 * wait for the answer, because processes of before the handshake ignore it and give none.
 */
const versions = z.object({
  version: z.int(),
  /** The oldest version that this side understands. */
  oldest: z.int(),
});
export type Versions = z.output<typeof versions>;

/** What a peer speaks that says nothing. */
export const WITHOUT_HANDSHAKE: Versions = { version: 1, oldest: 1 };

/** Each release understands the one before, because both run side by side during an upgrade. */
export const versionsOf = ({ version }: Protocol): Versions => ({ version, oldest: version - 1 });

/** @throws ZodError */
export const parseVersions = (body: unknown): Versions => versions.parse(body);

/** Why two processes can't talk; undefined if they can. */
export function mismatch(protocol: Protocol, peer: Versions): string | undefined {
  const own = versionsOf(protocol);
  const spoken = `the peer speaks version ${peer.version} of the ${protocol.name} protocol, this process version ${own.version}`;
  if (peer.version < own.oldest)
    return `${spoken}, which understands no version before ${own.oldest}; upgrade the peer, one release at a time`;
  if (own.version < peer.oldest)
    return `${spoken}, and the peer understands no version before ${peer.oldest}; upgrade this process, one release at a time`;
  return undefined;
}
