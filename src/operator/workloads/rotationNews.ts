import type { Journal } from '../plan/facts/journal.ts';

type Entry = Journal['passwordRotation'];

/** The event for the begin or the end of a rotation of the database's password. */
export function rotationNews(
  before: Entry,
  now: Entry,
): { readonly reason: string; readonly message: string } | undefined {
  if (now?.phase === before?.phase) return undefined;
  if (now?.phase === 'Preparing')
    return {
      reason: 'RotatingPassword',
      message: `rotating the password of the database, as spec.database.managed.passwordRotation ${now.request} asks; status.database.passwordRotation says how far it is`,
    };
  if (now?.phase === 'Done' && before?.previous)
    return {
      reason: 'PasswordRotated',
      message: `the password of the database is rotated (${now.request}): all nodes have the new login, and the account ${before.previous.username} is locked`,
    };
  return undefined;
}
