import type { ConditionType } from '../../../operator/resource/conditions.ts';
import type { Check } from './check.ts';
import { cloudChecks } from './cloudChecks.ts';
import { clusterChecks } from './clusterChecks.ts';
import { databaseChecks } from './databaseChecks.ts';
import type { StackValues } from './facts.ts';
import { namespaceChecks } from './namespaceChecks.ts';
import { nodeChecks } from './nodeChecks.ts';
import { operatorChecks } from './operatorChecks.ts';
import { outsideChecks } from './outsideChecks.ts';
import { stateChecks } from './stateChecks.ts';

export const stackChecks: readonly Check<StackValues>[] = [
  ...stateChecks,
  ...databaseChecks,
  ...nodeChecks,
  ...outsideChecks,
  ...cloudChecks,
];

/** What the documentation shows of a check. */
export type ToldCheck = Omit<Check<never>, 'run'>;

/** The checks of the cluster, of each operator, of each namespace and of each stack. */
export const allChecks: readonly ToldCheck[] = [
  ...clusterChecks,
  ...operatorChecks,
  ...namespaceChecks,
  ...stackChecks,
];

/** The check that judges each condition: none of them may be False without a word of the doctor. */
export const CHECK_OF_CONDITION = {
  SpecValid: 'spec',
  DatabaseReady: 'database',
  SchemaReady: 'schema',
  WorkloadsReady: 'pods',
  ApiReachable: 'api',
  TokenValid: 'cloud-token',
  BuildCurrent: 'build-expiry',
  VersionCurrent: 'version',
  CertificatesReady: 'certificates',
  SettingsSynced: 'settings',
  WebhookReady: 'webhook',
  WebhookSubscribed: 'cloud-webhook',
  Registered: 'registration',
  ShardsServed: 'shards',
  NumberHealthy: 'cloud-number',
  Exposed: 'exposure',
  Autoscaled: 'autoscaling',
  BackupCurrent: 'backup',
  Progressing: 'rollout',
  Paused: 'rest',
  Hibernated: 'rest',
  Ready: 'rest',
} as const satisfies Record<ConditionType, string>;
