import { aborted } from '../base/aborted.ts';
import { systemClock } from '../base/clock.ts';
import { CodedError, describeError } from '../base/codedError.ts';
import type { Logger } from '../base/logger.ts';
import { addressRanges, clusterFolder, processStartTicks, readState, writeState } from './clusterState.ts';
import { startControlPlane } from './controlPlane.ts';
import type { ImageTable } from './processNode/containerCommand.ts';
import { NodeAgent } from './processNode/nodeAgent.ts';
import { findPrograms } from './programs.ts';
import { silentProgress } from './progress.ts';
import { holdRange } from './rangeLock.ts';

export interface DaemonOptions {
  readonly name: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly sourceFolder: string;
  readonly logger: Logger;
  readonly images: ImageTable;
  /** Bundle that is preloaded into the Node.js processes of pods. */
  readonly preload: string;
}

/** The process behind a local cluster: runs until `signal` fires or a part of it fails. */
export async function runDaemon(options: DaemonOptions, signal: AbortSignal): Promise<void> {
  const { name, env, sourceFolder, logger } = options;
  const folder = clusterFolder(env, name);
  const known = await readState(folder);
  if (!known)
    throw new CodedError(
      'LocalCluster',
      `there is no local cluster ${name}; start it with \`kubectl waba local up\``,
    );
  const report = (phase: 'starting' | 'ready' | 'failed' | 'stopped', message: string) => {
    logger.info(message, { phase });
    return writeState(folder, {
      ...known,
      phase,
      message,
      process: { pid: process.pid, startTicks: processStartTicks(process.pid) ?? '' },
    });
  };
  let releaseRange = () => {};
  try {
    await report('starting', 'starting the control plane');
    releaseRange = await holdRange(name, known.index);
    const programs = await findPrograms({ env, progress: silentProgress, sourceFolder }, signal);
    const { serviceCidr, podPrefix } = addressRanges(known.index);
    const controlPlane = await startControlPlane(
      { programs, folder, serviceCidr, clock: systemClock, port: known.port },
      signal,
    );

    let stopNode = async () => {};
    try {
      await report('starting', 'starting the process node');
      const { images, preload } = options;
      const node = await NodeAgent.start(
        { controlPlane, folder, podPrefix, images, preload, clock: systemClock, logger, env },
        signal,
      );
      stopNode = () => node.close();
      await report('ready', `Kubernetes at ${controlPlane.server}`);
      const ended = await Promise.race([controlPlane.failed, aborted(signal)]);
      if (ended) throw new CodedError('ControlPlane', `${ended} ended without being stopped; see its log`);
    } finally {
      await stopNode();
      await controlPlane.stop();
    }
    await report('stopped', 'stopped');
  } catch (error) {
    if (signal.aborted) return;
    await report('failed', describeError(error)).catch(() => {});
    throw error;
  } finally {
    releaseRange();
  }
}
