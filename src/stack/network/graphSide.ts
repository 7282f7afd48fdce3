import type { NetworkEvent } from '../wire/networkProtocol.ts';
import type { Step } from './behaviour.ts';
import type { CallbackRecord } from './callbackLog.ts';
import type { GraphChange, GraphStatus } from './graphState.ts';
import type { Entry, NumberState, Outgoing } from './networkEntries.ts';
import type { RehearsalSide } from './rehearsalRecord.ts';

/**
 * `both`: a number is on both APIs at once, to compare them. `exclusive`: on one, as at the vendor: to register it with one
 * ends the other.
 */
export type GraphMode = 'both' | 'exclusive';

/** What a change tells, before it has an id. */
export type NewChange = Pick<GraphChange, 'field' | 'value'>;

/** The Graph API, as the network sees it. */
export interface GraphSide {
  readonly rehearsal: RehearsalSide;
  /** What its webhook is told of an event of a number, with what has to be recorded for that. */
  changeOf(
    number: string,
    body: NetworkEvent['body'],
  ): { readonly change: NewChange; readonly together: readonly Entry[] } | undefined;
  /** What its webhook is told when a message of the Graph API reaches a stage. */
  stageOf(message: Outgoing & { readonly id: string }, step: Step): NewChange | undefined;
  /** What its webhook is told when a person has another business-scoped id. */
  userIdChange(
    number: string,
    change: { readonly waId: string; readonly userId: string; readonly formerUserId: string },
  ): NewChange;
  /** Changes of a number wait to be posted. */
  announce(number: string): void;
  /** Posts a body to the webhook of a number until it is taken. `redeliveryOf`: the record that it repeats. */
  post(number: string, body: unknown, redeliveryOf?: number): CallbackRecord;
}

/** Whether a number can be used by the Graph API, and why not. */
export function graphStatusOf(
  { graph, registrationKey }: Pick<NumberState, 'graph' | 'registrationKey'>,
  mode: GraphMode,
): GraphStatus {
  if (graph?.status !== undefined) return graph.status;
  if (registrationKey === undefined) return 'PENDING';
  return mode === 'both' ? 'CONNECTED' : 'DISCONNECTED';
}
