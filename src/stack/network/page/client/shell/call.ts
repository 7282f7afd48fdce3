import { type ControlCalls, EmulatorControl } from '../../../../../control/index.ts';
import { pointerReleased } from './pointerReleased.ts';

/** What each path of the control API begins with. */
export const CONTROL_BASE = '/control/v1';
/** What an own call has changed is shown at once, whether the API tells of it or not. */
export const CHANGED = 'changed';

const control = new EmulatorControl({ url: location.origin, fetch: (...given) => fetch(...given) });

type Call = keyof ControlCalls;
export type Answer<C extends Call> = ControlCalls[C]['answer'];
interface Parts<C extends Call> {
  readonly params?: ControlCalls[C]['params'];
  readonly query?: ControlCalls[C]['query'];
  /** What somebody has typed: the API says what is wrong with it. */
  readonly body?: unknown;
}

/** A call of the control API. @throws ControlError with what the API says is wrong */
export async function call<C extends Call>(name: C, parts: Parts<C> = {}): Promise<Answer<C>> {
  const answer = await control.call(name, parts as Parameters<typeof control.call<C>>[1]);
  if (name.startsWith('GET ')) await pointerReleased();
  else dispatchEvent(new Event(CHANGED));
  return answer;
}
