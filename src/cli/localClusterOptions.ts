import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import type { LocalClusterOptions } from '../local/cluster.ts';
import { createProgress } from '../local/progress.ts';
import type { CliHost } from './context.ts';

export const DEFAULT_CLUSTER = 'waba';

/** Options with which `local` and `quickstart` run a cluster on this machine. */
export function localClusterOptions(host: CliHost, name: string): LocalClusterOptions {
  return {
    name,
    env: host.env,
    clock: systemClock,
    progress: createProgress(host.stderr),
    sourceFolder: join(host.distFolder, 'kubernetes'),
    daemonCommand: (cluster) => [
      process.execPath,
      join(host.distFolder, 'kubectl-waba.js'),
      'local',
      'daemon',
      '--name',
      cluster,
    ],
  };
}
