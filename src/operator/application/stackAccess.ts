import { WEB_PORT } from '../../onprem/environment.ts';
import { DEFAULT_ADMIN } from '../../onprem/users.ts';
import { names } from '../plan/facts/names.ts';
import { isServing, type Observation } from '../plan/facts/observed.ts';
import { secretValue } from '../plan/facts/secrets.ts';
import { webappHost } from '../plan/facts/stackSettings.ts';
import { KEYS } from '../plan/render/stackEnvironment.ts';
import type { Journals } from '../state/journalStore.ts';
import { webappNames } from './certificates.ts';
import type { StackAccess } from './stackSession.ts';
import { passwordOf } from './users.ts';
import { readAuthority } from './webappAuthority.ts';

/**
 * Address and credentials of the API; undefined while the Secrets of the stack do not exist yet. The first call pins the
 * authority that the Webapps present in the journal.
 * @throws ApplicationError `SecretMissing`, `PasswordRefused`, `WrongCertificate`, `NoAnswer`
 */
export async function stackAccess(
  observed: Observation,
  journals: Journals,
  signal: AbortSignal,
): Promise<StackAccess | undefined> {
  const { resource, pods, journal } = observed;
  const of = names(resource.metadata.name);
  const apiKey = secretValue(observed, { name: of.keysSecret, key: KEYS.apiKey });
  const { password, source: passwordSource } = adminPassword(observed);
  if (apiKey === undefined || password === undefined || !journal) return undefined;
  const host = webappHost(resource);
  const port = resource.spec.service?.ports?.https ?? 443;
  let ca = journal.webappCa;
  if (!ca) {
    const addresses = pods.filter((pod) => isServing(pod, 'webapp')).flatMap(({ ip }) => ip ?? []);
    if (addresses.length === 0) return undefined;
    const read = await readAuthority({ addresses, port: WEB_PORT, serverName: host }, signal);
    const pinned = await journals.update(
      resource,
      (current) => ({ ...current, webappCa: current.webappCa ?? read }),
      signal,
    );
    ca = pinned.webappCa ?? read;
  }
  return {
    host,
    port,
    ca,
    certificateNames: webappNames({ observed, journals }),
    username: DEFAULT_ADMIN.username,
    password,
    passwordSource,
    previousPassword: journal.adminPassword,
    apiKey,
    onPassword: async (taken) => {
      if (journals.read(resource)?.adminPassword === taken) return;
      await journals.update(resource, (current) => ({ ...current, adminPassword: taken }), signal);
    },
  };
}

/** The password of the declared user admin, or the one that the operator generated. */
function adminPassword(observed: Observation): { password: string | undefined; source: string } {
  const { resource } = observed;
  const declared = resource.spec.users?.find(({ name }) => name === DEFAULT_ADMIN.username);
  const own = { name: names(resource.metadata.name).adminSecret, key: 'password' };
  const reference = declared?.passwordSecretRef ?? own;
  return {
    password: declared ? passwordOf(observed, declared.name, reference) : secretValue(observed, own),
    source: `Secret ${reference.name}, key ${reference.key}`,
  };
}
