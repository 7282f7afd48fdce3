import type { Progress, Step } from '../local/progress.ts';

/** Runs `work` as a step of `progress`, which ends as done or failed with it. `detail` describes the result. */
export async function inStep<T>(
  progress: Progress,
  title: string,
  work: (step: Pick<Step, 'update'>) => Promise<T>,
  detail: (result: T) => string | undefined = () => undefined,
): Promise<T> {
  const step = progress.step(title);
  try {
    const result = await work(step);
    step.done(detail(result));
    return result;
  } catch (error) {
    step.failed();
    throw error;
  }
}
