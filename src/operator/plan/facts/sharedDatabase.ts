import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { age } from './identity.ts';
import type { Observation } from './observed.ts';

/**
 * Another stack that has the databases which this one wants; undefined if there is none. Who has its schema there keeps
 * them, and among those that have none yet, the older resource.
 */
export function databaseHolder(
  { resource, sameDatabase = [] }: Pick<Observation, 'resource' | 'sameDatabase'>,
  isSchemaDone: boolean,
): WhatsAppDeployment | undefined {
  if (isSchemaDone) return undefined;
  return sameDatabase
    .filter(({ metadata }) => metadata.uid !== resource.metadata.uid)
    .find((other) => hasSchema(other) || age(other) < age(resource));
}

const hasSchema = ({ status }: WhatsAppDeployment): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === 'SchemaReady' && value === 'True') ?? false;
