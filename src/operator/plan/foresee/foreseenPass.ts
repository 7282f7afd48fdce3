import type { PlanEntry } from '../../resource/status.ts';
import type { Journal, RestartTopic } from '../facts/journal.ts';
import type { Observation } from '../facts/observed.ts';
import { broughtAbout, type FoundValue, isBroughtAbout } from '../facts/restartTopics.ts';
import type { ForecastEntry } from './forecast.ts';
import type { NumberState } from './modelApi.ts';

/** What the calls are foreseen from. Without a journal, everything that is declared may be new to the stack. */
export interface CallsInput {
  readonly observed: Observation;
  readonly number: NumberState;
  /** Secrets whose content is unknown: nothing is foreseen that depends on it. */
  readonly hidden: ReadonlySet<string>;
  readonly nowMs: number;
}

/** What the application controller does in one pass, and what is different afterwards. */
export interface ForeseenCalls {
  readonly calls: readonly ForecastEntry[];
  readonly journal: Journal;
  readonly number: NumberState;
  readonly waits: readonly PlanEntry[];
}

/** A pass under way. */
export interface Pass extends CallsInput {
  journal: Journal;
  number: NumberState;
  readonly calls: ForecastEntry[];
  readonly waits: PlanEntry[];
}

/** A step; false if the controller goes no further. */
export type Step = (pass: Pass) => boolean;

export const call = (pass: Pass, target: string, reason: string, fields: readonly string[] = []): void =>
  void pass.calls.push({
    action: 'Call',
    target,
    reason,
    ...(fields.length > 0 ? { fields: fields.map((path) => ({ path })) } : {}),
  });

export const wait = (pass: Pass, target: string, reason: string): false => {
  pass.waits.push({ target, action: 'Call', reason: reason.slice(0, 1024) });
  return false;
};

/** A change whose value takes effect when the pods of a role restart: the journal's counter restarts them. */
export function bringAbout(pass: Pass, topic: RestartTopic, found: FoundValue, announce: () => void): void {
  if (isBroughtAbout(pass.journal[topic], found)) return;
  if (!found.isInPlace) announce();
  pass.journal = broughtAbout(pass.journal, topic, found);
}
