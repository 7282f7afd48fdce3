import { hashOf } from '../../../engine/kube/ownFields.ts';
import type { Journal } from './journal.ts';
import { annotations, names } from './names.ts';
import type { Observation } from './observed.ts';
import { decodeSecret, type SecretObject } from './secrets.ts';

type Login = NonNullable<Journal['databaseLogin']>;
type Facts = Pick<Observation, 'resource' | 'children' | 'journal'>;

/** Short, because a person copies it into a command. */
export const loginHash = (login: Login): string => hashOf(login).slice(0, 8);

function inSecret({ resource, children }: Facts): { login: Login; accepted: string | undefined } | undefined {
  if (!resource.spec.database.managed) return undefined;
  const secret = children.get(`Secret/${names(resource.metadata.name).databaseSecret}`) as
    | SecretObject
    | undefined;
  if (!secret?.data) return undefined;
  const { username, password } = decodeSecret(secret);
  // A gap is no login that the database could have.
  if (!username?.trim() || !password?.trim()) return undefined;
  return {
    login: { username, password },
    accepted: secret.metadata.annotations?.[annotations.acceptedPassword],
  };
}

/**
 * Whether the Secret still holds, or holds again, the login that a rotation replaces: the operator writes the new one, which
 * the journal has.
 */
export function holdsPreviousLogin(facts: Facts): boolean {
  const { previous } = facts.journal?.passwordRotation ?? {};
  const found = inSecret(facts);
  return previous !== undefined && found !== undefined && loginHash(found.login) === previous.login;
}

/**
 * The credentials in the Secret of the managed database, if the database does not have them: its server reads the Secret
 * only when it creates its files.
 */
export function editedLogin(facts: Facts): Login | undefined {
  const known = facts.journal?.databaseLogin;
  const found = inSecret(facts);
  if (!known || !found || hashOf(found.login) === hashOf(known) || holdsPreviousLogin(facts))
    return undefined;
  return found.accepted === loginHash(found.login) ? undefined : found.login;
}

/** The credentials that the managed database has, for the journal. */
export const databaseLogin = (facts: Facts): Journal['databaseLogin'] =>
  editedLogin(facts) || holdsPreviousLogin(facts)
    ? facts.journal?.databaseLogin
    : (inSecret(facts)?.login ?? facts.journal?.databaseLogin);

/** The entry of a rotation with a password for the other account, which is made once. */
export const withPassword = (
  entry: Journal['passwordRotation'],
  make: () => string,
): Journal['passwordRotation'] =>
  entry?.next && entry.next.password === undefined
    ? { ...entry, next: { ...entry.next, password: make() } }
    : entry;
