/** After these words of a path comes a value, under this name. */
const VALUES: Readonly<Record<string, string>> = {
  contacts: ':waId',
  media: ':id',
  messages: ':id',
  providers: ':name',
  stickerpacks: ':pack',
  stickers: ':index',
  users: ':username',
};
/** Words that come after them all the same. */
const WORDS: ReadonlySet<string> = new Set(['gc', 'login', 'logout', 'providers']);

/**
 * The route of a call, with no value in it and without the query: `/v1/contacts/:waId/identity`. A segment with a digit
 * that the API has no name for is hidden too, because it may be a number.
 */
export function urlTemplate(path: string): string {
  const [plain = ''] = path.split('?');
  const [, version = '', ...segments] = plain.split('/');
  const told = [version];
  for (const segment of segments) {
    const name = VALUES[told.at(-1) ?? ''];
    if (name !== undefined && !WORDS.has(segment)) told.push(name);
    else told.push(/\d/.test(segment) ? ':value' : segment);
  }
  return `/${told.join('/')}`;
}
