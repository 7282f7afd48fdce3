/**
 * The Cloud API names a person by an id for one business, also where the person shows no number.
 * Source: docs/onprem/cloud-migration.md §17.5.
 */
const USER_ID = /^[A-Z]{2}\.[A-Za-z0-9]{1,128}$/;
export const isUserId = (text: string): boolean => USER_ID.test(text);

/** Stands in message ids, whose structure has a number, for one that nobody here knows. */
export const NO_NUMBER = '1000000';

/** The person to whom a stored message goes by such an id; undefined for one that goes to a number. */
export const userIdOf = ({ recipient }: Readonly<Record<string, unknown>>): string | undefined =>
  typeof recipient === 'string' ? recipient : undefined;
