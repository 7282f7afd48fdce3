import type { IconName } from '../shell/icon.ts';

/** One page of the setup. */
export interface SetupSection {
  readonly title: string;
  readonly icon: IconName;
  /** What it is about, in a sentence or two. */
  readonly about: string;
  /** Whether it is about the chosen number. */
  readonly isOfNumber: boolean;
  /** What is shown is drawn from; drawn anew only if it has changed. */
  load(): Promise<unknown>;
  /** `loaded`: what load has answered. */
  draw(loaded: unknown): readonly HTMLElement[];
}

/** A section whose drawing knows what its load gives. */
export const setupSection = <T>(
  section: Pick<SetupSection, 'title' | 'icon' | 'about' | 'isOfNumber'> & {
    load(): Promise<T>;
    draw(loaded: T): readonly HTMLElement[];
  },
): SetupSection => section as SetupSection;
