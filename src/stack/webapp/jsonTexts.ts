const texts = new WeakMap<object, string>();

/** Remembers the JSON text of a request or an answer, whose body can be read only once. @returns the request or answer */
export function withJson<T extends Request | Response>(message: T, text: string): T {
  texts.set(message, text);
  return message;
}

/** The JSON text of a request that was read, or of an answer; undefined for other content. */
export const jsonOf = (message: Request | Response): string | undefined => texts.get(message);
