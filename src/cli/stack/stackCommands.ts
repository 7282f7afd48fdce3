import { Command, Option } from 'commander';
import { sleep, systemClock } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import { isNotFound } from '../../engine/kube/apiError.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import { createProgress } from '../../local/progress.ts';
import { CHECK_WEBHOOK, names } from '../../operator/plan/facts/names.ts';
import type { WhatsAppDeployment } from '../../operator/resource/whatsAppDeployment.ts';
import { type ClusterAccess, type ClusterOptions, clusterOptions, openCluster } from '../clusterAccess.ts';
import { type CliContext, printJson } from '../context.ts';
import { parsePort } from '../localCommand.ts';
import { findOperator } from '../namespaceCommand.ts';
import { runDemo } from './demo.ts';
import { getStack, listStacks, patchSpec, patchStack } from './getStack.ts';
import { statusTree } from './statusTree.ts';
import { writeSupportBundle } from './supportBundle.ts';
import { receiveWebhooks } from './webhookReceiver.ts';

export function statusCommand(context: CliContext): Command {
  return clusterOptions(new Command('status'))
    .description('draw a stack as a tree, with states and reasons')
    .argument('[name]', 'the WhatsAppDeployment (default: all of the namespace)')
    .addOption(new Option('-o, --output <format>', 'output format').choices(['text', 'json']).default('text'))
    .action(async (name: string | undefined, options: ClusterOptions & { output: string }) => {
      const access = await openCluster(options, context);
      const stacks = name ? [await getStack(access, name, context)] : await listStacks(access, context);
      if (options.output === 'json') {
        return printJson(
          context,
          stacks.map(({ metadata, spec, status }) => ({
            name: metadata.name,
            namespace: metadata.namespace,
            phoneNumber: spec.phoneNumber,
            status,
          })),
        );
      }
      if (stacks.length === 0)
        context.stdout.write(`no WhatsAppDeployment in namespace ${access.namespace}\n`);
      for (const stack of stacks)
        context.stdout.write(statusTree(stack, { colour: context.stdout.isTTY === true }));
    });
}

export function verifyCommand(context: CliContext): Command {
  return clusterOptions(new Command('verify'))
    .description('hand over the registration code that WhatsApp sent, or ask for another')
    .argument('<name>', 'the WhatsAppDeployment')
    .option('--code <code>', 'the code, 123456 or 123-456')
    .option('--resend', 'request another code: raises spec.registration.attempt')
    .action(async (name: string, options: ClusterOptions & { code?: string; resend?: boolean }) => {
      if (options.code === undefined && !options.resend)
        throw new CodedError('Usage', 'give --code, or --resend to request another');
      if (options.code !== undefined && !/^[0-9]{3}-?[0-9]{3}$/.test(options.code))
        throw new CodedError('Usage', 'a code is six digits: 123456 or 123-456');
      const access = await openCluster(options, context);
      const stack = await getStack(access, name, context);
      if (options.resend) {
        const attempt = stack.spec.registration.attempt + 1;
        await patchSpec(access, stack, { registration: { attempt } }, context);
        context.stdout.write(`attempt ${attempt}: another code will be requested\n`);
      }
      if (options.code !== undefined) await storeCode(access, stack, options.code, context);
    });
}

/** Puts the code where the resource looks for it; where it looks nowhere yet, into a Secret of its own. */
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
    `code stored in Secret ${reference.name}; \`kubectl waba status ${name}\` shows what comes of it\n`,
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
    .description(paused ? 'leave a stack as it is: sets spec.paused' : 'act on a stack again after `pause`')
    .argument('<name>', 'the WhatsAppDeployment')
    .action(async (name: string, options: ClusterOptions) => {
      const access = await openCluster(options, context);
      const stack = await getStack(access, name, context);
      await patchSpec(access, stack, { paused }, context);
      context.stdout.write(
        paused
          ? `${name} is paused; its pods go on, and nothing is changed until \`kubectl waba resume ${name}\`\n`
          : `${name} is acted on again\n`,
      );
    });
}

/** How long the operator may take to look. */
const CHECK_TIMEOUT_MS = 60_000;

export function checkCommand(context: CliContext): Command {
  return clusterOptions(new Command('check'))
    .description('look at the webhook of a stack again, layer by layer, and tell what comes of it')
    .argument('<name>', 'the WhatsAppDeployment')
    .action(async (name: string, options: ClusterOptions) => {
      const access = await openCluster(options, context);
      const { metadata } = await getStack(access, name, context);
      const asked = new Date(systemClock.now()).toISOString();
      await patchStack(access, metadata, { metadata: { annotations: { [CHECK_WEBHOOK]: asked } } }, context);
      for (const end = systemClock.now() + CHECK_TIMEOUT_MS; ; ) {
        const { status } = await getStack(access, name, context);
        const verdict = status?.conditions?.find(({ type }) => type === 'WebhookReady');
        if (status?.webhook?.checked === asked && verdict) {
          context.stdout.write(`${verdict.reason}: ${verdict.message}\n`);
          if (verdict.status !== 'True') throw new CodedError('WebhookNotReady', 'callbacks do not arrive');
          return;
        }
        if (systemClock.now() > end)
          throw new CodedError(
            'NoAnswer',
            'the operator has not looked yet; is it running, and is the stack paused?',
          );
        await sleep(systemClock, 500, context.signal);
      }
    });
}

export function webhooksCommand(context: CliContext): Command {
  const webhooks = new Command('webhooks').description('callbacks of a stack');
  webhooks
    .command('receive')
    .description('an HTTPS receiver that prints each callback as a line')
    .option('--port <port>', 'port', parsePort, 8443)
    .requiredOption('--cert <file>', 'certificate, PEM')
    .requiredOption('--key <file>', 'private key, PEM')
    .action((options) => receiveWebhooks(options, context));
  return webhooks;
}

export function supportCommand(context: CliContext): Command {
  return clusterOptions(new Command('support'))
    .description('write an archive with objects, events and logs of stacks and operator, without secrets')
    .option('-f, --file <file>', 'the archive (default: waba-support-TIME.tgz)')
    .action(async (options: ClusterOptions & { file?: string }) => {
      const access = await openCluster(options, context);
      const operator = await findOperator(access.client, undefined, context.signal);
      const time = new Date(systemClock.now()).toISOString().replace(/[:.]/g, '-');
      await writeSupportBundle(
        {
          client: access.client,
          namespaces: [...new Set([access.namespace, operator.namespace])],
          file: options.file ?? `waba-support-${time}.tgz`,
          progress: createProgress(context.stderr),
        },
        context.signal,
      );
    });
}

/** Run by the quickstart inside the cluster; configured by variables, because they come from Secrets. */
export function demoCommand(context: CliContext): Command {
  return new Command('demo')
    .description('a simulated customer writes, and one message answers')
    .action(() => {
      const variable = (name: string): string => {
        const value = context.env[`DEMO_${name}`];
        if (!value)
          throw new CodedError(
            'Usage',
            `DEMO_${name} is not set; the quickstart runs this inside the cluster`,
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
          number: variable('NUMBER'),
          customer: variable('CUSTOMER'),
        },
        context,
      );
    });
}
