import { type Clock, sleep } from '../base/clock.ts';

/** How often a step that found something wrong is tried again. */
const AGAIN_MS = 5_000;

interface Reporting<R> {
  readonly clock: Clock;
  readonly isLast: (report: R) => boolean;
  /** Gets a report as a line of JSON whenever it differs from the one before. */
  readonly print: (line: string) => void;
}

/** Repeats a step of a Job until its report is the last one, so that the Job tells what it waits for. @returns that report */
export async function reportUntil<R>(
  step: () => Promise<R>,
  { clock, isLast, print }: Reporting<R>,
  signal: AbortSignal,
): Promise<R> {
  for (let last = ''; ; await sleep(clock, AGAIN_MS, signal)) {
    const report = await step();
    const line = JSON.stringify(report);
    if (line !== last) print(line);
    last = line;
    if (isLast(report)) return report;
  }
}
