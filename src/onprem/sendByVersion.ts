import { knows } from './clientBehaviour.ts';
import type { ErrorCode } from './errorCatalogue.ts';
import type { SendRequest } from './messages.ts';

const CAPTION_LIMIT = 1024;

/** What the client of a version refuses in a message that has the right shape. Source: docs/onprem/api-messaging.md §13. */
export function versionRefusal(
  message: SendRequest,
  version: string,
): { readonly code: ErrorCode; readonly details: string } | undefined {
  const { type, ttl } = message;
  if (ttl !== undefined && !knows(version, 'ttl'))
    return { code: 1010, details: 'ttl: there is none before v2.21.3' };
  const { language } = message[type] as { language?: { policy: string } };
  if (language?.policy === 'fallback' && knows(version, 'deterministicOnly'))
    return { code: 1009, details: `${type}.language.policy: must be deterministic` };
  if (knows(version, 'captionLimit') && longestCaption(message[type]) > CAPTION_LIMIT)
    return { code: 1009, details: `caption: longer than ${CAPTION_LIMIT} characters` };
  return undefined;
}

function longestCaption(content: unknown): number {
  if (typeof content !== 'object' || content === null) return 0;
  let longest = 0;
  for (const [name, inner] of Object.entries(content))
    longest = Math.max(
      longest,
      name === 'caption' && typeof inner === 'string' ? inner.length : longestCaption(inner),
    );
  return longest;
}
