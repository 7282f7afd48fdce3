import type { OpenedBackup } from '../../../backup/contract/openedBackup.ts';
import { mayRunOn } from '../../../onprem/clientVersion.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { type GeneratedPart, generatedSecretsOf } from '../facts/generatedSecrets.ts';
import type { Journal, RestoreEntry } from '../facts/journal.ts';
import { names } from '../facts/names.ts';
import { restoredJournal } from '../facts/restoredJournal.ts';
import { counts, databaseAddress } from '../facts/stackSettings.ts';
import { wantedVersion } from '../facts/wantedVersion.ts';
import { masked } from '../render/agentJob.ts';

/** What a backup told the operator. */
export interface BackupSeen {
  readonly opened: OpenedBackup;
  /** That of the stack which was backed up; undefined if the backup lacks it. */
  readonly journal: Journal | undefined;
}

/** A Secret as it is called now, with its `data`. */
export interface RestoredSecret {
  readonly name: string;
  readonly data: Readonly<Record<string, string>>;
}

/** What becomes of each generated Secret. A new database server gets a password and a certificate of its own. */
const BACK: { readonly [P in GeneratedPart]: 'needed' | 'if stored' | 'new' } = {
  database: 'new',
  databaseCertificate: 'new',
  clusterLogin: 'new',
  clusterRoot: 'new',
  clusterCertificate: 'new',
  admin: 'needed',
  keys: 'needed',
  authority: 'if stored',
  registration: 'if stored',
  control: 'new',
  cloud: 'new',
};

/** Why the backup does not fit what the resource declares: each with the field to change. */
export function misfits(resource: WhatsAppDeployment, { opened, journal }: BackupSeen): string[] {
  const { facts, engine } = opened;
  const wanted = { ...counts(resource), version: wantedVersion(resource), ...databaseAddress(resource) };
  const schema = journal?.schemaVersion ?? facts.version;
  const { phoneNumber } = resource.spec;
  const isOtherNumber =
    journal?.number === undefined
      ? facts.number !== undefined && facts.number !== masked(phoneNumber)
      : journal.number !== phoneNumber;
  const lacking = [
    ...(journal ? [] : ['the journal']),
    ...generatedSecretsOf(resource).flatMap(({ name, part, keys }) =>
      BACK[part] === 'needed' && !isComplete(dataOf(resource, opened, name), keys)
        ? [`all keys of ${name}`]
        : [],
    ),
  ];
  return [
    ...(isOtherNumber
      ? [
          `it is of the number ${facts.number ?? masked(journal?.number ?? '')}, and spec.phoneNumber is another one`,
        ]
      : []),
    ...(engine === wanted.engine
      ? []
      : [
          `its dumps are for ${PRODUCTS[engine]}, and spec.database is ${PRODUCTS[wanted.engine]}; choose that engine`,
        ]),
    ...(facts.shards === undefined || facts.shards === wanted.shards
      ? []
      : [
          `its data has ${facts.shards} shards, and spec asks for ${wanted.shards}; set spec.multiconnect.shards to ${facts.shards}, and change it when the stack is Ready`,
        ]),
    ...(schema === undefined || wanted.version === undefined || mayRunOn(wanted.version, schema)
      ? []
      : [
          `its database has the schema of ${schema}, which ${wanted.version} cannot use; set spec.version to ${schema} or later`,
        ]),
    ...(lacking.length > 0
      ? [
          `it lacks ${lacking.join(' and ')} of WhatsAppDeployment ${formerName(opened)}; choose another backup, or restore its databases by hand (docs/backup.md)`,
        ]
      : []),
  ];
}

const PRODUCTS = { PGSQL: 'PostgreSQL', MYSQL: 'MySQL or MariaDB' } as const;

/** The Secrets and the journal with which the stack begins. */
export function broughtBack(
  resource: WhatsAppDeployment,
  { opened, journal }: BackupSeen & { readonly journal: Journal },
  restore: RestoreEntry,
): { readonly secrets: readonly RestoredSecret[]; readonly journal: Journal } {
  const secrets = generatedSecretsOf(resource).flatMap(({ name, part, keys }): RestoredSecret[] => {
    const data = dataOf(resource, opened, name);
    return BACK[part] !== 'new' && data && isComplete(data, keys) ? [{ name, data }] : [];
  });
  const brought = secrets.map(({ name }) => name);
  return { secrets, journal: restoredJournal(journal, resource, brought, restore) };
}

/** What the stack was called when it was backed up. */
const formerName = ({ facts, folder }: OpenedBackup): string => facts.stack ?? folder.split('/').at(-1) ?? '';

export const formerJournal = (
  opened: OpenedBackup,
): { readonly name: string; readonly data: RestoredSecret['data'] | undefined } => {
  const name = names(formerName(opened)).journal;
  return { name, data: opened.secrets[name] };
};

/** The stored data of a Secret by the name that it has now: both begin with the name of their stack. */
const dataOf = (
  { metadata }: WhatsAppDeployment,
  opened: OpenedBackup,
  name: string,
): RestoredSecret['data'] | undefined =>
  opened.secrets[`${formerName(opened)}${name.slice(metadata.name.length)}`];

const isComplete = (data: RestoredSecret['data'] | undefined, keys: readonly string[]): boolean =>
  data !== undefined && keys.every((key) => (data[key] ?? '') !== '');
