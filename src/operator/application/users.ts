import { DEFAULT_ADMIN, passwordProblem } from '../../onprem/users.ts';
import { userHash } from '../plan/facts/journalHashes.ts';
import { ApplicationError } from './applicationError.ts';
import { cannotCompare, type Difference } from './differences.ts';
import { type ApplicationPass, journalOf, updateJournal } from './pass.ts';
import { requiredSecretLine } from './requiredSecret.ts';

/**
 * Users of the API other than admin. The operator sets a password when the Secret no longer holds the one that it set
 * last; it cannot see that another client changed a password. It deletes users that it created and that are no longer
 * declared.
 */
export async function userDifferences(pass: ApplicationPass): Promise<Difference[]> {
  const { asAdmin, signal, observed } = pass;
  const declared = (observed.resource.spec.users ?? []).filter(({ name }) => name !== DEFAULT_ADMIN.username);
  const own = journalOf(pass).users;
  const remember = (name: string, hash: string | undefined) =>
    updateJournal(pass, (journal) => {
      const { [name]: _, ...others } = journal.users;
      return { ...journal, users: hash === undefined ? others : { ...others, [name]: hash } };
    });
  const differences: Difference[] = [];
  for (const { name, passwordSecretRef } of declared) {
    let password: string;
    try {
      password = passwordOf(observed, name, passwordSecretRef);
    } catch (error) {
      differences.push(cannotCompare(error));
      continue;
    }
    const hash = userHash(name, password);
    const isThere =
      (await asAdmin((client, session) => client.users.find(session, name, signal))) !== undefined;
    if (isThere && own[name] === hash) continue;
    differences.push({
      fields: [`users.${name}`],
      repair: async () => {
        await asAdmin((client, session) =>
          isThere
            ? client.users.setPassword(session, name, password, signal)
            : client.users.create(session, name, password, signal),
        );
        await remember(name, hash);
      },
    });
  }
  for (const name of Object.keys(own).filter((known) => !declared.some((user) => user.name === known)))
    differences.push({
      fields: [`users.${name}`],
      repair: async () => {
        await asAdmin((client, session) => client.users.remove(session, name, signal));
        await remember(name, undefined);
      },
    });
  return differences;
}

/** @throws ApplicationError `SecretMissing`, `SecretRefused`, `PasswordRefused` */
export function passwordOf(
  observed: ApplicationPass['observed'],
  user: string,
  reference: { readonly name: string; readonly key: string },
): string {
  const field = `spec.users[${user}].passwordSecretRef`;
  const password = requiredSecretLine(observed, {
    reference,
    field,
    content: `the password of user ${user}`,
  });
  const problem = passwordProblem(password);
  if (problem !== undefined)
    throw new ApplicationError(
      'PasswordRefused',
      `the stack would refuse the password in Secret ${reference.name}, key ${reference.key} (${field}): ${problem}`,
    );
  return password;
}
