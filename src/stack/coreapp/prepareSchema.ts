import { CodedError } from '../../base/codedError.ts';
import type { Upgrader } from '../store/schemaTooNew.ts';
import type { Stores } from '../store/stores.ts';
import type { CoreappOptions } from './coreappOptions.ts';

const UPGRADING = 'Upgrading';

/** Whether the node has to wait because another one upgrades the schema. */
export const isUpgrading = (error: unknown): boolean =>
  error instanceof CodedError && error.code === UPGRADING;

/**
 * Masters and single instances bring the schema up to date; Coreapps wait for it. @returns whether it is there
 * @throws CodedError `SchemaTooNew`, `SchemaFailed`, and one for which `isUpgrading` is true
 */
export async function prepareSchema(
  options: Pick<CoreappOptions, 'master' | 'multiconnect' | 'upgradeSchema'>,
  stores: Pick<Stores, 'isCurrent' | 'refuseNewer'>,
  client: Upgrader,
): Promise<boolean> {
  const { master, multiconnect } = options;
  if (master || !multiconnect) await options.upgradeSchema(client);
  else {
    const upgrade = await stores.refuseNewer(client);
    if (upgrade?.isUnderWay)
      throw new CodedError(UPGRADING, `the cluster is in UPGRADE state, set by ${upgrade.upgrader}`);
  }
  return stores.isCurrent();
}
