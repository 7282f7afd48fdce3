import { pointerReleased } from './pointerReleased.ts';

/** Any number of calls before the next picture of the screen cause one run. */
export function oncePerFrame(action: () => unknown): () => void {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(async () => {
      await pointerReleased();
      isDue = false;
      action();
    });
  };
}
