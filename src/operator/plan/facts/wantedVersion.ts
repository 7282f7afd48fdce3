import { CLIENT_VERSION, mayRunOn } from '../../../onprem/clientVersion.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import type { Observed } from './observed.ts';

/** The client version that a stack runs. `stack: OnPremises` always declares it. */
export const wantedVersion = ({ spec }: Pick<WhatsAppDeployment, 'spec'>): string | undefined =>
  spec.version ?? (spec.stack === 'OnPremises' ? undefined : CLIENT_VERSION);

/** Why the declared version cannot run on the stack's database: its schema is newer, and a schema cannot go back. */
export function downgrade({ resource, journal }: Pick<Observed, 'resource' | 'journal'>): string | undefined {
  const [version, schema] = [wantedVersion(resource), journal?.schemaVersion];
  if (version === undefined || schema === undefined || mayRunOn(version, schema)) return undefined;
  return `spec.version ${resource.spec.version === undefined ? `is not set, which means ${version}` : `is ${version}`}, but the database has the schema of ${schema}, which ${version} cannot use; set spec.version to ${schema} or later, or restore a backup from before the upgrade into a new stack`;
}
