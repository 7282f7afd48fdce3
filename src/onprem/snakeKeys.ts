const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Spells field names as the API does, at each depth: `callbackBackoffDelayMs` → `callback_backoff_delay_ms`. */
export const snakeKeys = (value: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [snake(name), isRecord(inner) ? snakeKeys(inner) : inner]),
  );

const isRecord = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
