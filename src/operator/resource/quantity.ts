/** Quantities of Kubernetes, such as `500m` and `10Gi`. `10GB` is none. */

const QUANTITY = /^([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$/;

const DECIMAL: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const BINARY = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

/** The number that a quantity stands for; undefined if Kubernetes does not take it. */
export function quantityOf(value: string | number): number | undefined {
  const match = QUANTITY.exec(String(value));
  if (!match) return undefined;
  const [, digits = '', suffix = ''] = match;
  const power = BINARY.indexOf(suffix);
  if (power >= 0) return Number(digits) * 1024 ** (power + 1);
  const exponent = DECIMAL[suffix] ?? (suffix === '' ? 0 : Number(suffix.slice(1)));
  return Number(`${digits.replace(/\.$/, '')}e${exponent}`);
}

/** Whether a container may request this much: undefined sides and values that are no quantities do not count. */
export const isWithin = (request: string | number | undefined, limit: string | number | undefined): boolean =>
  request === undefined ||
  limit === undefined ||
  (quantityOf(request) ?? 0) <= (quantityOf(limit) ?? Infinity);
