/**
 * JSON in which every character beyond ASCII is escaped, as the vendor writes webhooks: a signature over a body that a receiver
 * has written anew is not that of these bytes. Source: docs/onprem/cloud-migration.md §17.4.
 */
export const escapedJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
