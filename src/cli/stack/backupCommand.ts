import { Command } from 'commander';
import { systemClock } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import { datedName, phaseOf } from '../../operator/plan/facts/backups.ts';
import type { WhatsAppBackup } from '../../operator/resource/whatsAppBackup.ts';
import type { WhatsAppDeployment } from '../../operator/resource/whatsAppDeployment.ts';
import { type ClusterOptions, clusterOptions } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { isData, outputOption, printData } from '../output.ts';
import { shortAge } from '../shortAge.ts';
import { shortSize } from '../shortSize.ts';
import { table } from '../table.ts';
import { createBackup, listBackups } from './backups.ts';
import { backupVerifyCommand } from './backupVerifyCommand.ts';
import { followBackup, reasonOf } from './followBackup.ts';
import { getStack } from './getStack.ts';

interface CreateOptions extends ClusterOptions {
  readonly name?: string;
  readonly media?: boolean;
  readonly claim?: string;
  readonly passphraseSecret?: string;
  readonly wait: boolean;
}

export function backupCommand(context: CliContext): Command {
  return new Command('backup')
    .description('back up a stack now, list the backups, or verify one')
    .usage('<name> [options]')
    .addCommand(createCommand(context), { isDefault: true })
    .addCommand(listCommand(context))
    .addCommand(backupVerifyCommand(context))
    .addHelpText(
      'after',
      `
\`kubectl waba backup NAME\` is short for \`kubectl waba backup create NAME\`, and \`kubectl waba backup create --help\`
shows its options. A stack that is called list, create, verify or help needs the long form.`,
    );
}

function createCommand(context: CliContext): Command {
  return clusterOptions(new Command('create'))
    .description('back up a stack now: shows the progress, then what was stored')
    .argument('<name>', 'the WhatsAppDeployment')
    .option('--name <backup>', 'name of the WhatsAppBackup (default: NAME and the time in UTC)')
    .option('--media', 'also back up the media volume (default: spec.backup.media)')
    .option(
      '--claim <name>',
      'store it in this PersistentVolumeClaim (default: where spec.backup.destination says)',
    )
    .option(
      '--passphrase-secret <name>',
      'encrypt with the key passphrase of this Secret (default: spec.backup.encryptionSecretRef)',
    )
    .option('--wait', 'follow the backup until it has ended', true)
    .option('--no-wait', 'do not follow the backup')
    .action(async (name: string, options: CreateOptions) => {
      const access = await context.openCluster(options);
      const spec = specOf(await getStack(access, name, context), options);
      const backup = options.name ?? datedName(name, systemClock.now(), true);
      await createBackup(access, backup, spec, context);
      context.stdout.write(`WhatsAppBackup ${backup} created\n`);
      if (options.wait) await followBackup(access, backup, context);
      else context.stdout.write(`\`kubectl waba backup list ${name}\` shows how far it is\n`);
    });
}

function listCommand(context: CliContext): Command {
  return clusterOptions(new Command('list'))
    .description('list the backups of a stack, or of all stacks in the namespace, newest first')
    .argument('[name]', 'the WhatsAppDeployment; it may be gone')
    .addOption(outputOption())
    .action(async (name: string | undefined, options: ClusterOptions & { output: string }) => {
      const access = await context.openCluster(options);
      const backups = await listBackups(access, name, context);
      if (isData(options.output)) return printData(context, options.output, backups.map(jsonOf));
      const { stdout } = context;
      if (backups.length > 0) return void stdout.write(tableOf(backups, systemClock.now()));
      const ofStack = name === undefined ? '' : ` of ${name}`;
      stdout.write(
        `no WhatsAppBackup${ofStack} in namespace ${access.namespace}; \`kubectl waba backup ${name ?? 'NAME'}\` makes one\n`,
      );
    });
}

/** With all that is needed to read the backup: it may outlive the stack. @throws CodedError `NotConfigured` */
function specOf({ metadata, spec }: WhatsAppDeployment, options: CreateOptions): object {
  const { backup } = spec;
  const destination = options.claim ? { claim: { name: options.claim } } : backup?.destination;
  const encryptionSecretRef = options.passphraseSecret
    ? { name: options.passphraseSecret }
    : backup?.encryptionSecretRef;
  if (!destination || !encryptionSecretRef) {
    const missing = destination
      ? 'spec.backup.encryptionSecretRef or --passphrase-secret'
      : 'spec.backup.destination or --claim';
    throw new CodedError('NotConfigured', `set ${missing}; ${example(metadata)}`);
  }
  const media = options.media ?? backup?.media;
  return {
    deployment: metadata.name,
    destination,
    encryptionSecretRef,
    ...(media === undefined ? {} : { media }),
  };
}

const example = ({ name, namespace }: WhatsAppDeployment['metadata']): string =>
  `for example, for a PersistentVolumeClaim that is called backups:
  openssl rand -hex 32 > passphrase    # keep a copy outside of the cluster
  kubectl -n ${namespace} create secret generic ${name}-backup --from-file=passphrase
  kubectl -n ${namespace} patch wad ${name} --type merge -p '{"spec":{"backup":{"destination":{"claim":{"name":"backups"}},"encryptionSecretRef":{"name":"${name}-backup"}}}}'
docs/backup.md shows the same for a bucket`;

function jsonOf(backup: WhatsAppBackup): object {
  const { metadata, spec, status = {} } = backup;
  return {
    name: metadata.name,
    namespace: metadata.namespace,
    stack: spec.deployment,
    phase: phaseOf(backup),
    ...reasonOf(backup),
    bytes: status.storedBytes,
    created: metadata.creationTimestamp,
    completed: status.completedAt,
    verification: verdictOf(backup),
    location: status.location,
    warnings: status.warnings ?? [],
  };
}

/** The last verdict on a backup, or why there is none yet; undefined if nobody has asked for one. */
function verdictOf({ status = {} }: WhatsAppBackup) {
  const condition = status.conditions?.find(({ type }) => type === 'Verified');
  return (
    condition && {
      verified: condition.status === 'Unknown' ? null : condition.status === 'True',
      reason: condition.reason,
      completed: status.verification?.completedAt,
    }
  );
}

function verdictText(backup: WhatsAppBackup, nowMs: number): string {
  const { verified, reason, completed } = verdictOf(backup) ?? {};
  if (typeof verified !== 'boolean' || completed === undefined) return reason ?? '-';
  return `${verified ? 'good' : reason}, ${shortAge(nowMs - Date.parse(completed))} ago`;
}

const tableOf = (backups: readonly WhatsAppBackup[], nowMs: number): string =>
  table(
    ['NAME', 'STACK', 'PHASE', 'REASON', 'SIZE', 'AGE', 'VERIFIED'],
    backups.map((backup) => {
      const { metadata, spec, status = {} } = backup;
      return [
        metadata.name,
        spec.deployment,
        phaseOf(backup),
        reasonOf(backup).reason,
        status.storedBytes === undefined ? '-' : shortSize(status.storedBytes),
        shortAge(nowMs - Date.parse(metadata.creationTimestamp)),
        verdictText(backup, nowMs),
      ];
    }),
  );
