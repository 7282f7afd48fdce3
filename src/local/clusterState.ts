import { readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { CodedError } from '../base/codedError.ts';
import { safeJson } from '../base/safeJson.ts';

const clusterState = z.object({
  name: z.string(),
  /** Chooses the address ranges, so that several clusters live side by side. */
  index: z.int().min(0),
  port: z.int(),
  phase: z.enum(['starting', 'ready', 'failed', 'stopped']),
  /** The current step, or the error. */
  message: z.string(),
  process: z.object({ pid: z.int(), startTicks: z.string() }).optional(),
});
export type ClusterState = z.output<typeof clusterState>;

type Environment = Readonly<Record<string, string | undefined>>;

const clustersFolder = (env: Environment): string =>
  join(env.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'waba-operator', 'clusters');

const NAME = /^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/;

/** @throws CodedError `BadName` */
export function clusterFolder(env: Environment, name: string): string {
  if (!NAME.test(name)) {
    throw new CodedError(
      'BadName',
      `cluster name ${JSON.stringify(name)} must be lower-case letters, digits and dashes, at most 40`,
    );
  }
  return join(clustersFolder(env), name);
}

export async function readState(folder: string): Promise<ClusterState | undefined> {
  const text = await readFile(join(folder, 'state.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const parsed = clusterState.safeParse(safeJson(text));
  return parsed.success ? parsed.data : undefined;
}

/** Replaces the file atomically, because `up` reads it while the process of the cluster writes it. */
export async function writeState(folder: string, state: ClusterState): Promise<void> {
  await mkdir(folder, { recursive: true });
  const draft = join(folder, `state.json.${process.pid}`);
  await writeFile(draft, `${JSON.stringify(state, null, 2)}\n`);
  await rename(draft, join(folder, 'state.json'));
}

export async function listStates(env: Environment): Promise<ClusterState[]> {
  const names = await readdir(clustersFolder(env)).catch(() => []);
  const states = await Promise.all(names.map((name) => readState(join(clustersFolder(env), name))));
  return states.filter((state) => state !== undefined);
}

/** Service and pod addresses of a cluster: 127.96 and 127.97 for the first, then 127.98 and 127.99, ... */
export function addressRanges(index: number): { serviceCidr: string; podPrefix: string } {
  return { serviceCidr: `127.${96 + 2 * index}.0.0/16`, podPrefix: `127.${97 + 2 * index}` };
}

const MOST_CLUSTERS = 79;

/**
 * An index that no other cluster has. There are 79; different users start at different ones. `others` are the clusters in
 * the same folder; `isHeld` tells the ranges of running clusters in all folders.
 */
export async function freeIndex(
  others: readonly ClusterState[],
  userId: number,
  isHeld: (index: number) => Promise<boolean>,
): Promise<number> {
  const taken = new Set(others.map(({ index }) => index));
  const candidates = Array.from(
    { length: MOST_CLUSTERS },
    (_, offset) => (userId * 7 + offset) % MOST_CLUSTERS,
  );
  for (const candidate of candidates)
    if (!taken.has(candidate) && !(await isHeld(candidate))) return candidate;
  throw new CodedError(
    'TooManyClusters',
    'all 79 address ranges for local clusters are in use; remove a cluster with `kubectl waba local down`',
  );
}

/** Start time of a process in clock ticks. It tells a process from a later one with the same pid. */
export function processStartTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name of the program is in parentheses and may contain spaces.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended; it stays in the table until its parent reaps it.
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

export const isRunning = (state: ClusterState): boolean =>
  state.process !== undefined && processStartTicks(state.process.pid) === state.process.startTicks;
