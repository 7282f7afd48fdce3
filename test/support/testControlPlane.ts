import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import {
  type ControlPlane,
  type ControlPlaneOptions,
  startControlPlane,
} from '../../src/local/controlPlane.ts';
import { findPrograms, type Programs } from '../../src/local/programs.ts';
import { createProgress } from '../../src/local/progress.ts';

export interface TestControlPlane {
  readonly controlPlane: ControlPlane;
  readonly programs: Programs;
  close(): Promise<void>;
}

/** A real control plane in a scratch folder. */
export async function startTestControlPlane(
  extraFlags: NonNullable<ControlPlaneOptions['extraFlags']> = {},
): Promise<TestControlPlane> {
  const folder = await mkdtemp(join(tmpdir(), 'waba-control-plane-'));
  const { signal } = new AbortController();
  const programs = await findPrograms(
    { env: process.env, progress: createProgress(process.stderr), sourceFolder: 'src/local/kubernetes' },
    signal,
  );
  const controlPlane = await startControlPlane(
    { programs, folder, serviceCidr: '127.96.0.0/16', clock: systemClock, extraFlags },
    signal,
  );
  return {
    controlPlane,
    programs,
    close: async () => {
      await controlPlane.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
