import { CodedError } from '../../base/codedError.ts';
import { mayRunOn, schemaOf } from '../../onprem/clientVersion.ts';
import type { UpgradeRecord } from './clusterStore.ts';

/** The client that upgrades: a node, or the process of the schema Job. Nodes that wait for it log its name. */
export interface Upgrader {
  readonly version: string;
  readonly name: string;
}

const SCHEMA_TOO_NEW = 'SchemaTooNew';

/** Whether a client is too old for its databases: then waiting does not help. */
export const isTooOld = (error: unknown): error is CodedError =>
  error instanceof CodedError && error.code === SCHEMA_TOO_NEW;

export const schemaTooNew = (message: string): CodedError => new CodedError(SCHEMA_TOO_NEW, message);

/** @throws CodedError `SchemaTooNew` for a client that is older than the one that upgraded its databases */
export function refuseOlderClient(client: Upgrader | undefined, record: UpgradeRecord | undefined): void {
  if (!client || !record?.version || mayRunOn(client.version, record.version)) return;
  const schema = schemaOf(record.version);
  throw schemaTooNew(
    `the database has the schema of ${schema}; this client is ${client.version}; run ${schema} or later, or restore a backup from before the upgrade`,
  );
}
