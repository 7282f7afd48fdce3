import { foreignData, numberInUse, rivalInTheWay } from '../facts/identity.ts';
import type { Observed } from '../facts/observed.ts';
import { databaseHolder } from '../facts/sharedDatabase.ts';
import { databaseAddress } from '../facts/stackSettings.ts';
import { unmet, type Verdict } from './conditions.ts';

/** Checks whether the number and the data are those of this stack. While they are not, no Master or Coreapp runs. */

function numberIsFree(observed: Observed): Verdict<'SpecValid'> | undefined {
  const holder = numberInUse(observed);
  if (!holder) return undefined;
  const { namespace, name, deletionTimestamp } = holder.metadata;
  const isOurs = namespace === observed.resource.metadata.namespace;
  const other = isOurs ? `WhatsAppDeployment ${namespace}/${name}` : ELSEWHERE;
  return unmet(
    'SpecValid',
    'NumberInUse',
    deletionTimestamp
      ? `the number belongs to ${other}, which is being deleted; this one starts when it and its pods are gone`
      : `the number belongs to ${other}, which runs, is registered or is older; delete one of the two, or change spec.phoneNumber of this one`,
  );
}

/** Two stacks with the same databases would take each other's messages. */
export function databaseIsOurs(
  observed: Observed,
  isSchemaDone: boolean,
): Verdict<'DatabaseReady'> | undefined {
  const holder = databaseHolder(observed, isSchemaDone);
  if (!holder) return undefined;
  const { namespace, name } = holder.metadata;
  const other =
    namespace === observed.resource.metadata.namespace
      ? `WhatsAppDeployment ${namespace}/${name}`
      : ELSEWHERE;
  const { host, port, prefix } = databaseAddress(observed.resource);
  return unmet(
    'DatabaseReady',
    'PrefixInUse',
    `the databases on ${host}:${port} whose names begin with ${prefix} belong to ${other}, which has its schema there or is older; set spec.database.external.name of this one to another prefix`,
  );
}

/** Whoever may see one namespace only must not learn of others. */
const ELSEWHERE = 'a WhatsAppDeployment of another namespace';

function podsOfOthersAreGone(observed: Observed): Verdict<'SpecValid'> | undefined {
  const rival = rivalInTheWay(observed);
  if (!rival) return undefined;
  const { stack, isGone, pods } = rival;
  const [namespace] = stack.split('/');
  const isOurs = namespace === observed.resource.metadata.namespace;
  const whose = isOurs ? `${isGone ? 'the deleted ' : ''}WhatsAppDeployment ${stack}` : ELSEWHERE;
  const hint = isOurs
    ? `: ${pods.join(', ')}; this one starts when they are gone. If their node is switched off for good, run kubectl delete pod POD -n ${namespace} --force`
    : '; this one starts when they are gone';
  return unmet('SpecValid', 'NumberInUse', `pods of ${whose} still run with the number${hint}`);
}

function dataIsOfThisNumber(observed: Observed): Verdict<'SpecValid'> | undefined {
  const problem = foreignData(observed);
  return problem === undefined ? undefined : unmet('SpecValid', 'DataOfAnotherNumber', problem);
}

const NOT_OURS = [numberIsFree, podsOfOthersAreGone, dataIsOfThisNumber] as const;

/** Why no Master or Coreapp of this stack may start or change; undefined if they may. */
export function notOurs(observed: Observed): Verdict<'SpecValid'> | undefined {
  for (const check of NOT_OURS) {
    const verdict = check(observed);
    if (verdict) return verdict;
  }
  return undefined;
}
