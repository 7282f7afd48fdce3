/** Where a WhatsApp id is written otherwise than the number that is dialled. Source: docs/onprem/api-messaging.md §4.1. */
const RULES: readonly (readonly [dialled: RegExp, waId: string])[] = [
  // Brazil: area code and nine digits, of which the first 9 is left out.
  [/^(55[1-9]\d)9(\d{8})$/, '$1$2'],
  // Mexico and Argentina: a digit for mobile phones follows the country code.
  [/^52(\d{10})$/, '521$1'],
  [/^54(\d{10})$/, '549$1'],
];

/** The WhatsApp id of a number of which nothing else is known. */
export function waIdByRule(digits: string): string {
  for (const [dialled, waId] of RULES) if (dialled.test(digits)) return digits.replace(dialled, waId);
  return digits;
}
