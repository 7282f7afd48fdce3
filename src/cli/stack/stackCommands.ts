import { Command } from 'commander';
import { systemClock } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import { waitUntil } from '../../base/waitUntil.ts';
import { isNotFound } from '../../engine/kube/apiError.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import { createProgress } from '../../local/progress.ts';
import { CHECK_WEBHOOK, names } from '../../operator/plan/facts/names.ts';
import type { WhatsAppDeployment } from '../../operator/resource/whatsAppDeployment.ts';
import { type ClusterAccess, type ClusterOptions, clusterOptions } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { findOperator } from '../namespaceCommand.ts';
import { runDemo } from './demo.ts';
import { Mask } from './doctor/mask.ts';
import { runDoctor } from './doctor/runDoctor.ts';
import { getStack, patchSpec, patchStack } from './getStack.ts';
import { writeSupportBundle } from './supportBundle.ts';

export function verifyCommand(context: CliContext): Command {
  return clusterOptions(new Command('verify'))
    .description('enter the registration code that WhatsApp sent, or request another')
    .argument('<name>', 'the WhatsAppDeployment')
    .option('--code <code>', 'the registration code, 123456 or 123-456')
    .option('--resend', 'request another code: increases spec.registration.attempt')
    .action(async (name: string, options: ClusterOptions & { code?: string; resend?: boolean }) => {
      if (options.code === undefined && !options.resend)
        throw new CodedError(
          'Usage',
          'verify needs --code with the registration code, or --resend to request another',
        );
      if (options.code !== undefined && !/^[0-9]{3}-?[0-9]{3}$/.test(options.code))
        throw new CodedError('Usage', '--code must be six digits: 123456 or 123-456');
      const access = await context.openCluster(options);
      const stack = await getStack(access, name, context);
      if (options.resend) {
        const attempt = stack.spec.registration.attempt + 1;
        await patchSpec(access, stack, { registration: { attempt } }, context);
        context.stdout.write(
          `spec.registration.attempt is now ${attempt}; the operator requests another code\n`,
        );
      }
      if (options.code !== undefined) await storeCode(access, stack, options.code, context);
    });
}

/** Stores the code in the Secret that `codeSecretRef` names; without `codeSecretRef`, in a new Secret that it then names. */
async function storeCode(
  access: ClusterAccess,
  stack: WhatsAppDeployment,
  code: string,
  context: CliContext,
): Promise<void> {
  const { namespace, name } = stack.metadata;
  const reference = stack.spec.registration.codeSecretRef ?? { name: `${name}-code`, key: 'code' };
  const secret: KubeObject = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: reference.name, namespace },
    stringData: { [reference.key]: code },
  };
  await access.client
    .mergePatch(
      kinds.Secret,
      { namespace, name: reference.name },
      { stringData: secret.stringData },
      context.signal,
    )
    .catch(async (error: unknown) => {
      if (!isNotFound(error)) throw error;
      await access.client.create(secret, { fieldManager: 'kubectl-waba' }, context.signal);
    });
  if (!stack.spec.registration.codeSecretRef && !(await hasGeneratedRegistration(access, stack, context))) {
    await patchSpec(access, stack, { registration: { codeSecretRef: reference } }, context);
  }
  context.stdout.write(
    `code stored in Secret ${reference.name}; \`kubectl waba status ${name}\` shows whether WhatsApp accepts it\n`,
  );
}

async function hasGeneratedRegistration(
  access: ClusterAccess,
  { metadata, spec }: WhatsAppDeployment,
  context: CliContext,
): Promise<boolean> {
  if (spec.stack !== 'Emulator' || spec.registration.certificateSecretRef) return false;
  const secret = await access.client
    .get(kinds.Secret, metadata.namespace, names(metadata.name).registrationSecret, context.signal)
    .catch(() => undefined);
  return secret !== undefined;
}

export function pauseCommand(context: CliContext, paused: boolean): Command {
  return clusterOptions(new Command(paused ? 'pause' : 'resume'))
    .description(
      paused
        ? 'stop the operator from changing a stack: sets spec.paused'
        : 'let the operator change a paused stack again',
    )
    .argument('<name>', 'the WhatsAppDeployment')
    .action(async (name: string, options: ClusterOptions) => {
      const access = await context.openCluster(options);
      const stack = await getStack(access, name, context);
      await patchSpec(access, stack, { paused }, context);
      context.stdout.write(
        paused
          ? `${name} is paused: its pods keep running, and the operator changes nothing until \`kubectl waba resume ${name}\`\n`
          : `${name} is resumed\n`,
      );
    });
}

/** How long the operator may take to check the webhook. */
const CHECK_TIMEOUT_MS = 60_000;

export function checkCommand(context: CliContext): Command {
  return clusterOptions(new Command('check'))
    .description('check the webhook of a stack now: name, connection, certificate, HTTP')
    .argument('<name>', 'the WhatsAppDeployment')
    .action(async (name: string, options: ClusterOptions) => {
      const access = await context.openCluster(options);
      const { metadata } = await getStack(access, name, context);
      const asked = new Date(systemClock.now()).toISOString();
      await patchStack(access, metadata, { metadata: { annotations: { [CHECK_WEBHOOK]: asked } } }, context);
      const look = async () => {
        const { status } = await getStack(access, name, context);
        const verdict = status?.conditions?.find(({ type }) => type === 'WebhookReady');
        return status?.webhook?.checked === asked && verdict;
      };
      const late = () =>
        new CodedError(
          'NoAnswer',
          `the operator has not checked the webhook of ${name} within ${CHECK_TIMEOUT_MS / 1000} s; \`kubectl waba status ${name}\` shows whether the stack is paused or the operator is not running`,
        );
      const wait = { clock: systemClock, everyMs: 500, timeoutMs: CHECK_TIMEOUT_MS, late };
      const verdict = await waitUntil(look, wait, context.signal);
      context.stdout.write(`${verdict.reason}: ${verdict.message}\n`);
      if (verdict.status !== 'True')
        throw new CodedError('WebhookNotReady', `the webhook of ${name} does not receive callbacks`);
    });
}

export function supportCommand(context: CliContext): Command {
  return clusterOptions(new Command('support'))
    .description(
      'write an archive with the report of the doctor, objects, events and logs of stacks and operator, without the content of Secrets and without phone numbers',
    )
    .option('-f, --file <file>', 'archive to write (default: waba-support-TIME.tgz)')
    .action(async (options: ClusterOptions & { file?: string }) => {
      const access = await context.openCluster(options);
      const operator = await findOperator(access.client, undefined, context.signal);
      const time = new Date(systemClock.now()).toISOString().replace(/[:.]/g, '-');
      const mask = new Mask();
      await writeSupportBundle(
        {
          client: access.client,
          mask,
          examine: (signal) => runDoctor(access, { cluster: options, mask }, { ...context, signal }),
          namespaces: [...new Set([access.namespace, operator.namespace])],
          file: options.file ?? `waba-support-${time}.tgz`,
          progress: createProgress(context.stderr),
        },
        context.signal,
      );
    });
}

/** The quickstart runs this in the cluster. Options are environment variables, because some come from Secrets. */
export function demoCommand(context: CliContext): Command {
  return new Command('demo')
    .description('let a simulated customer write, and answer with one message')
    .action(() => {
      const variable = (name: string): string => {
        const value = context.env[`DEMO_${name}`];
        if (!value)
          throw new CodedError(
            'Usage',
            `DEMO_${name} is not set; only the quickstart runs this command, in the cluster`,
          );
        return value;
      };
      return runDemo(
        {
          host: variable('HOST'),
          port: Number(variable('PORT')),
          ca: variable('CA'),
          username: variable('USERNAME'),
          password: variable('PASSWORD'),
          controlUrl: variable('CONTROL_URL'),
          controlToken: variable('CONTROL_TOKEN'),
          number: variable('NUMBER'),
          customer: variable('CUSTOMER'),
        },
        context,
      );
    });
}
