/** On the object itself: a WeakMap of all requests would cost the collector of garbage more than the request. */
const TEXT = Symbol('JSON text');
type WithText = { [TEXT]?: string };

/** Remembers the JSON text of a request or an answer, whose body can be read only once. @returns the request or answer */
export function withJson<T extends Request | Response>(message: T, text: string): T {
  (message as WithText)[TEXT] = text;
  return message;
}

/** The JSON text of a request that was read, or of an answer; undefined for other content. */
export const jsonOf = (message: Request | Response): string | undefined => (message as WithText)[TEXT];
