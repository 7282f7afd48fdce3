/** Shorter values, such as `true`, occur in any text. */
const SHORTEST = 6;
/** Keys of Secrets whose values are no secrets, and are needed to understand a log. */
const PUBLIC_KEYS: readonly string[] = [
  'username',
  'user',
  'host',
  'port',
  'dbname',
  'ca.crt',
  'tls.crt',
  'namespace',
];

/** Phone numbers as people and the API write them: with + and a country code, or as 11 to 15 digits that stand alone. */
const NUMBER = /\+\d(?:[ -]?\d){7,14}(?!\d)|(?<![\w.+-])\d{11,15}(?![\w-]|\.\d)/g;
const SHOWN_DIGITS = 3;

/** Hides values of Secrets and phone numbers. Of a number the last three digits stay, so that numbers can be told apart. */
export class Mask {
  readonly #values = new Set<string>();

  /** Hides these values of a Secret, in clear text, from now on. */
  learn(content: Readonly<Record<string, string>>): void {
    for (const [key, value] of Object.entries(content)) {
      if (PUBLIC_KEYS.includes(key)) continue;
      const text = value.trim();
      if (text.length >= SHORTEST) this.#values.add(text);
    }
  }

  text(text: string): string {
    let masked = text;
    // Longer ones first: one value may contain another.
    for (const value of [...this.#values].sort((a, b) => b.length - a.length))
      if (masked.includes(value)) masked = masked.replaceAll(value, '***');
    return masked.replace(NUMBER, (number) => `***${number.slice(-SHOWN_DIGITS)}`);
  }

  /** The same value with every text in it masked. Names of fields stay. */
  deep<T>(value: T): T {
    return this.#deep(value) as T;
  }

  #deep(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) return value.map((each) => this.#deep(each));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, this.#deep(each)]));
  }
}
