import { CodedError } from '../../base/codedError.ts';
import { isSchemaCurrent, NODE_DATABASES, refuseNewerSchema, type Upgrader } from '../store/upgrade.ts';
import type { CoreappOptions } from './coreappOptions.ts';

const UPGRADING = 'Upgrading';

/** Whether the node has to wait because another one upgrades the schema. */
export const isUpgrading = (error: unknown): boolean =>
  error instanceof CodedError && error.code === UPGRADING;

/**
 * Masters and single instances bring the schema up to date; Coreapps wait for it. @returns whether it is there
 * @throws CodedError `SchemaTooNew`, `SchemaFailed`, and one for which `isUpgrading` is true
 */
export async function prepareSchema(options: CoreappOptions, client: Upgrader): Promise<boolean> {
  const { databases, master, multiconnect } = options;
  if (master || !multiconnect) await options.upgradeSchema(client);
  else {
    const upgrade = await refuseNewerSchema(databases, NODE_DATABASES, client);
    if (upgrade?.isUnderWay)
      throw new CodedError(UPGRADING, `the cluster is in UPGRADE state, set by ${upgrade.upgrader}`);
  }
  return isSchemaCurrent(databases, NODE_DATABASES);
}
