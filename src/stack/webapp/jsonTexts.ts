import { JsonAnswer } from '../http/jsonAnswer.ts';
import type { Incoming } from '../http/route.ts';

/** On the object itself: a WeakMap of all requests would cost the collector of garbage more than the request. */
const TEXT = Symbol('JSON text');
type WithText = { [TEXT]?: string };

/** Remembers the JSON text of a request or an answer, whose body can be read only once. @returns the request or answer */
export function withJson<T extends Incoming | Response>(message: T, text: string): T {
  (message as WithText)[TEXT] = text;
  return message;
}

/** The JSON text of a request that was read, or of an answer; undefined for other content. */
export const jsonOf = (message: Incoming | Response | JsonAnswer): string | undefined =>
  message instanceof JsonAnswer ? message.text : (message as WithText)[TEXT];

/** For servers that know only the Fetch API. */
export const responseOf = (answer: Response | JsonAnswer): Response =>
  answer instanceof JsonAnswer ? withJson(answer.toResponse(), answer.text) : answer;
