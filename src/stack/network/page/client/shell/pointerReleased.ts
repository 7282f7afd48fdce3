/** Longer than a click takes. Not every browser tells when a scroll bar is let go. */
const LONGEST_PRESS_MS = 1_000;

let pressed: Promise<void> | undefined;

addEventListener(
  'pointerdown',
  () => {
    const press = new Promise<void>((resolve) => {
      // The click comes right after the release.
      const end = () => setTimeout(resolve);
      for (const released of ['pointerup', 'pointercancel'])
        addEventListener(released, end, { once: true, capture: true });
      setTimeout(resolve, LONGEST_PRESS_MS);
    });
    pressed = press;
    void press.then(() => {
      if (pressed === press) pressed = undefined;
    });
  },
  { capture: true },
);

/** Waits for the end of a click. One whose button is drawn anew between press and release would be lost. */
export const pointerReleased = async (): Promise<void> => pressed;
