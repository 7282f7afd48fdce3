import { styleText } from 'node:util';
import { Command, InvalidArgumentError, Option } from 'commander';
import { sleep, systemClock } from '../../base/clock.ts';
import { isBadRequest, isNotFound } from '../../engine/kube/apiError.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import { podLog } from '../../engine/kube/podLog.ts';
import { labels } from '../../operator/plan/facts/names.ts';
import { type ClusterAccess, type ClusterOptions, clusterOptions } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { isColoured } from '../isColoured.ts';
import { getStack } from './getStack.ts';

interface LogsOptions extends ClusterOptions {
  readonly follow?: boolean;
  /** Milliseconds. */
  readonly since: number;
  readonly role?: string;
}

/** One line of one pod. */
export interface LogLine {
  readonly time: string;
  readonly pod: string;
  readonly text: string;
}

const ROLES = [
  'webapp',
  'master',
  'coreapp',
  'database-check',
  'password-rotation',
  'database',
  'schema',
] as const;
const COLOURS = {
  webapp: 'cyan',
  master: 'magenta',
  coreapp: 'green',
  'database-check': 'blue',
  'password-rotation': 'blue',
  database: 'yellow',
  schema: 'blue',
} as const;
const POLL_MS = 2_000;

export function logsCommand(context: CliContext): Command {
  return clusterOptions(new Command('logs'))
    .description('print the logs of all pods of a stack, ordered by time')
    .argument('<name>', 'the WhatsAppDeployment')
    .option('-f, --follow', 'keep printing new lines until interrupted')
    .addOption(
      new Option('--since <duration>', 'print lines of this last period: 30s, 10m, 2h, 1d')
        .argParser(durationMs)
        .default(durationMs('10m'), '10m'),
    )
    .addOption(new Option('--role <role>', 'print only the logs of this role').choices([...ROLES]))
    .action(async (name: string, options: LogsOptions) => {
      const access = await context.openCluster(options);
      await getStack(access, name, context);
      const selector = `${labels.instance}=${name}${options.role ? `,${labels.component}=${options.role}` : ''}`;
      let since = new Date(systemClock.now() - options.since).toISOString();
      /** Lines of the last second that were printed, because `sinceTime` has a resolution of one second. */
      let shown = new Set<string>();
      do {
        const lines = await readLines(access, selector, since, context);
        const fresh = lines.filter((line) => !shown.has(JSON.stringify(line)));
        for (const line of fresh)
          context.stdout.write(`${draw(line, isColoured(context, context.stdout))}\n`);
        const last = lines.at(-1);
        if (last) {
          since = last.time;
          shown = new Set(
            lines.filter(({ time }) => time >= since.slice(0, 19)).map((line) => JSON.stringify(line)),
          );
        }
        if (options.follow) await sleep(systemClock, POLL_MS, context.signal).catch(() => {});
      } while (options.follow && !context.signal.aborted);
    });
}

async function readLines(
  access: ClusterAccess,
  labelSelector: string,
  sinceTime: string,
  context: CliContext,
): Promise<LogLine[]> {
  const { items } = await access.client.list<KubeObject & { spec: { containers: { name: string }[] } }>(
    kinds.Pod,
    { namespace: access.namespace, labelSelector },
    context.signal,
  );
  const logs = await Promise.all(
    items.map(async ({ metadata, spec }) => {
      // The stack's container is the first one; containers of a service mesh follow it.
      const query = { container: spec.containers[0]?.name, timestamps: true, sinceTime };
      const { client, namespace } = access;
      const text = await podLog(client, namespace, metadata.name, query, context.signal).catch(
        (error: unknown) => {
          // A container that has not started has no log.
          if (isNotFound(error) || isBadRequest(error)) return '';
          throw error;
        },
      );
      return parseLines(metadata.name, text);
    }),
  );
  return mergeLines(logs);
}

export const parseLines = (pod: string, text: string): LogLine[] =>
  text.split('\n').flatMap((line) => {
    const space = line.indexOf(' ');
    return space === -1 ? [] : [{ time: line.slice(0, space), pod, text: line.slice(space + 1) }];
  });

/** Merges logs by time. Lines of one pod keep their order. */
export const mergeLines = (logs: readonly (readonly LogLine[])[]): LogLine[] =>
  logs.flat().sort((a, b) => a.time.localeCompare(b.time));

function draw({ pod, text, time }: LogLine, isColoured: boolean): string {
  const role = ROLES.find((known) => pod.includes(`-${known}`));
  const head = `${time.slice(11, 23)} ${pod.padEnd(24)}`;
  return `${isColoured && role ? styleText(COLOURS[role], head) : head} ${text}`;
}

/** `10m` in milliseconds. @throws InvalidArgumentError */
export function durationMs(text: string): number {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const units = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  if (!count || !unit) throw new InvalidArgumentError('Use a number with s, m, h or d, like 10m.');
  return Number(count) * units[unit as keyof typeof units];
}
