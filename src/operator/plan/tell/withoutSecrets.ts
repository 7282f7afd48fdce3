import type { Observation } from '../facts/observed.ts';
import { decodeSecret, type SecretObject } from '../facts/secrets.ts';

/** Shorter values, such as user names or `1`, occur in any text. */
const SHORTEST = 6;

/** A text from a log, without the values of the Secrets that the stack uses: a status is read by more people. */
export function withoutSecrets(
  text: string,
  { referenced, children }: Pick<Observation, 'referenced' | 'children'>,
): string {
  const own = [...children.values()].filter(({ kind }) => kind === 'Secret');
  const contents = [
    ...[...referenced.values()].map(({ data = {} }) => data),
    ...own.map((secret) => decodeSecret(secret as SecretObject)),
  ];
  const values = contents.flatMap((data) =>
    Object.entries(data).flatMap(([key, value]) => (key === 'username' ? [] : [value.trim()])),
  );
  return values
    .filter((value) => value.length >= SHORTEST && text.includes(value))
    .reduce((cleaned, value) => cleaned.replaceAll(value, '***'), text);
}
