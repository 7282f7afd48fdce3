import { Command } from 'commander';
import { systemClock } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import { phaseOf } from '../../operator/plan/facts/backups.ts';
import type { WhatsAppBackup } from '../../operator/resource/whatsAppBackup.ts';
import { type ClusterAccess, type ClusterOptions, clusterOptions } from '../clusterAccess.ts';
import { CommandExit } from '../commandExit.ts';
import type { CliContext } from '../context.ts';
import { isData, outputOption, printData } from '../output.ts';
import { askForVerification, getBackup } from './backups.ts';
import { follow } from './follow.ts';
import { fixOf } from './followBackup.ts';

/** Of what only a person can mend: a Secret that was just created may look missing. */
const GRACE_MS = 5_000;
/** Reasons for which the verification has not begun, and waits for a person. */
const WAITS: readonly string[] = ['SecretMissing', 'NotConfigured'];

interface VerifyOptions extends ClusterOptions {
  readonly output: string;
  readonly wait: boolean;
}

export function backupVerifyCommand(context: CliContext): Command {
  return clusterOptions(new Command('verify'))
    .description(
      'restore a backup into a throw-away database, and count what is there; ends with 1 if it is bad',
    )
    .argument('<backup>', 'the WhatsAppBackup')
    .addOption(outputOption())
    .option('--wait', 'follow the verification until there is a verdict', true)
    .option('--no-wait', 'do not follow the verification')
    .action(async (name: string, options: VerifyOptions) => {
      const access = await context.openCluster(options);
      const attempt = await begin(access, name, context);
      const isText = !isData(options.output);
      const say = (line: string) => isText && context.stdout.write(`${line}\n`);
      if (!options.wait) {
        if (!isText)
          return printData(context, options.output, jsonOf(await getBackup(access, name, context), attempt));
        return void say(
          `\`kubectl -n ${access.namespace} wait --for=condition=Verified wabk/${name}\` waits for the verdict`,
        );
      }
      const backup = await followVerification({ access, name, attempt, say }, context);
      const { verified, reason, message } = jsonOf(backup, attempt);
      if (!isText) {
        printData(context, options.output, jsonOf(backup, attempt));
        if (verified !== true) throw new CommandExit(1);
        return;
      }
      if (verified === true) return void say(`${name} is verified: ${message}`);
      const fix = fixOf(reason);
      throw new CodedError(
        reason,
        `the backup ${name} is not verified, ${reason}: ${message}${fix ? `\nwhat to do: ${fix}` : ''}`,
      );
    });
}

/** @returns the attempt to follow: one that goes on already is not asked for twice. @throws CodedError `NotComplete` */
async function begin(access: ClusterAccess, name: string, context: CliContext): Promise<number> {
  const backup = await getBackup(access, name, context);
  const phase = phaseOf(backup);
  if (phase !== 'Completed' || backup.metadata.deletionTimestamp)
    throw new CodedError(
      'NotComplete',
      `the backup ${name} is ${phase}, and only a complete one can be verified; list them with \`kubectl waba backup list\``,
    );
  const asked = backup.spec.verification?.attempt;
  if (asked !== undefined && jsonOf(backup, asked).verified === null) return asked;
  const attempt = (asked ?? 0) + 1;
  await askForVerification(access, backup, attempt, context);
  return attempt;
}

interface Followed {
  readonly access: ClusterAccess;
  readonly name: string;
  readonly attempt: number;
  readonly say: (line: string) => void;
}

/** @returns the backup with a verdict, or with what a person must mend */
async function followVerification(
  { access, name, attempt, say }: Followed,
  context: CliContext,
): Promise<WhatsAppBackup> {
  const startedMs = systemClock.now();
  return follow(
    async (tell) => {
      const backup = await getBackup(access, name, context);
      if (phaseOf(backup) !== 'Completed')
        throw new CodedError('BackupDeleted', `somebody deleted the backup ${name}`);
      const { verified, reason, message } = jsonOf(backup, attempt);
      const isLate = systemClock.now() - startedMs >= GRACE_MS;
      if (verified !== null || (isLate && WAITS.includes(reason))) return backup;
      tell(message || 'waiting for the operator');
      return undefined;
    },
    {
      say,
      interrupted: `the operator goes on; \`kubectl -n ${access.namespace} describe wabk ${name}\` shows the verdict`,
    },
    context.signal,
  );
}

/** `verified` is null while there is no verdict on the attempt. */
function jsonOf({ metadata, spec, status = {} }: WhatsAppBackup, attempt: number) {
  const { verification, conditions = [] } = status;
  const condition = conditions.find(({ type }) => type === 'Verified');
  const isOfAttempt = verification?.attempt === attempt;
  // A condition without a verdict may be of an attempt that has not begun.
  const told = isOfAttempt || condition?.status === 'Unknown' ? condition : undefined;
  return {
    name: metadata.name,
    namespace: metadata.namespace,
    stack: spec.deployment,
    attempt,
    verified: told === undefined || told.status === 'Unknown' ? null : told.status === 'True',
    reason: told?.reason ?? '-',
    message: told?.message ?? '',
    started: isOfAttempt ? verification.startedAt : undefined,
    completed: isOfAttempt ? verification.completedAt : undefined,
  };
}
