import { hashOf } from '../../engine/kube/ownFields.ts';
import type { MediaProvider } from '../../onprem/profile.ts';
import { providerConfig } from '../plan/facts/journalHashes.ts';
import { ApplicationError } from './applicationError.ts';
import { cannotCompare, type Difference } from './differences.ts';
import { type ApplicationPass, journalOf, updateJournal } from './pass.ts';

/** Credentials for media links. The operator removes the providers that it set and that are no longer declared. */
export async function providerDifferences(pass: ApplicationPass): Promise<Difference[]> {
  const { asAdmin, signal, observed } = pass;
  const wanted = observed.resource.spec.media?.providers ?? [];
  const unusable: Difference[] = [];
  const declared = wanted.flatMap(({ name, type, credentialsSecretRef }): MediaProvider[] => {
    const secret = observed.referenced.get(credentialsSecretRef.name)?.data;
    try {
      return [{ name, type, config: configOf(name, credentialsSecretRef.name, secret) }];
    } catch (error) {
      unusable.push(cannotCompare(error));
      return [];
    }
  });
  const own = journalOf(pass).providers;
  if (declared.length === 0 && Object.keys(own).length === 0) return unusable;
  const current = await asAdmin((client, session) => client.settings.mediaProviders(session, signal));
  const remember = (name: string, hash: string | undefined) =>
    updateJournal(pass, (journal) => {
      const { [name]: _, ...others } = journal.providers;
      return { ...journal, providers: hash === undefined ? others : { ...others, [name]: hash } };
    });
  const surplus = Object.keys(own).filter((name) => !wanted.some((provider) => provider.name === name));
  return [
    ...unusable,
    ...declared.flatMap((provider): Difference[] => {
      const hash = hashOf(provider);
      const isThere = current.some((known) => hashOf(known) === hash);
      if (isThere && own[provider.name] === hash) return [];
      return [
        {
          fields: isThere ? [] : [`media.providers.${provider.name}`],
          repair: async () => {
            if (!isThere)
              await asAdmin((client, session) => client.settings.setMediaProvider(session, provider, signal));
            await remember(provider.name, hash);
          },
        },
      ];
    }),
    ...surplus.map(
      (name): Difference => ({
        fields: [`media.providers.${name}`],
        repair: async () => {
          await asAdmin((client, session) => client.settings.removeMediaProvider(session, name, signal));
          await remember(name, undefined);
        },
      }),
    ),
  ];
}

/** @throws ApplicationError `SecretMissing`, `SecretRefused` */
function configOf(
  provider: string,
  secret: string,
  data: Readonly<Record<string, string>> | undefined,
): MediaProvider['config'] {
  const config = providerConfig(data);
  const field = `spec.media.providers[${provider}].credentialsSecretRef`;
  const values = config && ('bearer' in config ? { bearer: config.bearer } : config.basic);
  const broken = Object.entries(values ?? {}).find(([, value]) => /[\r\n]/.test(value));
  if (broken)
    throw new ApplicationError(
      'SecretRefused',
      `key ${broken[0]} of Secret ${secret} (${field}) has a line end inside; write it in one line`,
    );
  if (config) return config;
  throw new ApplicationError(
    'SecretMissing',
    data === undefined
      ? `Secret ${secret} does not exist (${field}); create it with the key bearer, or the keys username and password`
      : `Secret ${secret} has neither the key bearer nor the keys username and password (${field}); add the credentials of the media provider`,
  );
}
