import { createHash } from 'node:crypto';
import { hashOf } from '../../../engine/kube/ownFields.ts';
import type { MediaProvider } from '../../../onprem/profile.ts';
import { DEFAULT_SETTINGS } from '../../../onprem/settings.ts';
import { snakeKeys } from '../../../onprem/snakeKeys.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { declaredSettings } from './applicationSettings.ts';
import type { Journal } from './journal.ts';
import { withoutLineEnd } from './secrets.ts';

/** Hashes by which the journal remembers what the stack has, without the values: some are secret. */

export const userHash = (name: string, password: string): string => hashOf(`${name}/${password}`);
export const pinHash = (pin: string): string => hashOf(`two-step/${pin}`);
/** Of a registration code in an attempt: each attempt tries a code once. */
export const codeTriedHash = (attempt: number, code: string): string =>
  createHash('sha256').update(`${attempt}/${code}`).digest('hex').slice(0, 32);

/** The credentials of a media provider in its Secret; undefined if they are not there. */
export function providerConfig(
  data: Readonly<Record<string, string>> | undefined,
): MediaProvider['config'] | undefined {
  const [bearer, username, password] = (['bearer', 'username', 'password'] as const).map((key) =>
    withoutLineEnd(data?.[key] ?? ''),
  );
  if (bearer) return { bearer };
  return username && password ? { basic: { username, password } } : undefined;
}

/** Groups of declared values that the operator compares with what the API answers. */
export type ValueGroup = 'settings' | 'profile.about' | 'profile.business' | 'profile.compliance';

/** Every declared value of a group, by the path that the API gives it. */
export function declaredValues(
  resource: WhatsAppDeployment,
  group: ValueGroup,
): ReadonlyMap<string, unknown> {
  const { about, business, compliance } = resource.spec.profile ?? {};
  const values = {
    settings: declaredSettings(resource),
    'profile.about': about === undefined ? {} : { text: about },
    'profile.business': business ?? {},
    'profile.compliance': compliance ? snakeKeys(compliance) : {},
  }[group];
  return leaves(values);
}

/** Values of a new installation. */
export const defaultSettings: ReadonlyMap<string, unknown> = leaves(DEFAULT_SETTINGS);

/** Lists are sets, and numbers may come as text. Short: the journal holds one for each declared value. */
export const valueHash = (value: unknown): string =>
  hashOf(Array.isArray(value) ? value.map(String).sort() : String(value)).slice(0, 8);

/** Hashes of all declared values, by group and path. Those of the profile count once the number is registered. */
export function matchedHashes(resource: WhatsAppDeployment, isRegistered: boolean): Record<string, string> {
  const groups: readonly ValueGroup[] = isRegistered
    ? ['settings', 'profile.about', 'profile.business', 'profile.compliance']
    : ['settings'];
  return Object.fromEntries(
    groups.flatMap((group) =>
      [...declaredValues(resource, group)].map(([path, value]) => [`${group}.${path}`, valueHash(value)]),
    ),
  );
}

/**
 * The hashes of everything that the stack matches: those of the declaration, and of what it no longer declares. A webhook
 * URL that is no longer declared has been removed.
 */
export const nowMatched = (
  resource: WhatsAppDeployment,
  isRegistered: boolean,
  before: Journal['matched'],
): Record<string, string> => ({
  ...before,
  ...matchedHashes(resource, isRegistered),
  ...(orphanedWebhookUrl(resource, before) === undefined ? {} : { [WEBHOOK_URL]: valueHash('') }),
});

const WEBHOOK_URL = 'settings.webhooks.url';

/** Hash of the webhook URL that the operator set and that is no longer declared, so that it is removed. */
export function orphanedWebhookUrl(
  { spec }: WhatsAppDeployment,
  matched: Journal['matched'],
): string | undefined {
  const hash = matched?.[WEBHOOK_URL];
  return spec.webhook || hash === valueHash('') ? undefined : hash;
}

function leaves(value: object, prefix = ''): Map<string, unknown> {
  return new Map(
    Object.entries(value).flatMap(([name, inner]): [string, unknown][] => {
      if (inner === undefined) return [];
      const isGroup = typeof inner === 'object' && inner !== null && !Array.isArray(inner);
      return isGroup ? [...leaves(inner, `${prefix}${name}.`)] : [[`${prefix}${name}`, inner]];
    }),
  );
}
