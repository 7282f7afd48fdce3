import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { CodedError } from '../base/codedError.ts';
import type { LocalClusterOptions } from '../local/cluster.ts';
import { createProgress } from '../local/progress.ts';
import type { CliHost } from './context.ts';

export const DEFAULT_CLUSTER = 'waba';

/** An installed plugin lacks the operator, the stack and the manifests. @throws CodedError `NeedsCheckout` */
export function demandCheckout({ distFolder }: Pick<CliHost, 'distFolder'>): void {
  if (!existsSync(join(distFolder, 'kubernetes')))
    throw new CodedError(
      'NeedsCheckout',
      '`local` and `quickstart` run programs of the sources, which this installation lacks; in a checkout of https://github.com/waba-operator/waba-operator run: npm ci && npm run quickstart',
    );
}

/** Options with which `local` and `quickstart` run a cluster on this machine. @throws CodedError `NeedsCheckout` */
export function localClusterOptions(host: CliHost, name: string): LocalClusterOptions {
  demandCheckout(host);
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
