import type { Journal, RestartTopic } from './journal.ts';

export type RestartedRole = 'coreapp' | 'webapp';

const ROLES: Readonly<Record<RestartTopic, RestartedRole>> = {
  webhookCa: 'coreapp',
  settings: 'coreapp',
  certificate: 'webapp',
};
/** The counter in the journal that restarts the pods of a role. */
export const COUNTERS = { coreapp: 'coreappRestarts', webapp: 'webappRestarts' } as const;

/** In place of the hash of a webhook CA: the operator removed the one that it had uploaded. */
export const NO_WEBHOOK_CA = 'none';

/** Whether the stack holds a webhook CA, or may hold one, that the operator uploaded. */
export const holdsWebhookCa = ({ webhookCa: { applied, pending } }: Journal): boolean =>
  pending !== undefined || (applied !== undefined && applied !== NO_WEBHOOK_CA);

/** A value that takes effect when the pods of a role restart, as the operator finds it. */
export interface FoundValue {
  readonly hash: string;
  readonly isInPlace: boolean;
  /** If the operator finds the value in place: the nodes already run with it, as with defaults. */
  readonly isEffective?: boolean;
}

/** Nothing is left to do: the journal knows the value, and the stack has it. */
export const isBroughtAbout = (
  { pending, applied }: Journal[RestartTopic],
  { hash, isInPlace }: FoundValue,
): boolean => isInPlace && pending === undefined && applied === hash;

/** The journal after the value has been written: pods restart unless they run with it already. */
export function broughtAbout(journal: Journal, topic: RestartTopic, found: FoundValue): Journal {
  const { hash, isInPlace, isEffective = false } = found;
  const needsRestart = !(isInPlace && isEffective && journal[topic].pending === undefined);
  const counter = COUNTERS[ROLES[topic]];
  return {
    ...journal,
    [topic]: { applied: hash },
    ...(needsRestart ? { [counter]: journal[counter] + 1 } : {}),
  };
}
