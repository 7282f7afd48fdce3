/** Something of the stack that is not as the resource declares it, and how it becomes so. */
export interface Difference {
  /** Paths for people; none where only the journal has to follow. Values are never told. */
  readonly fields: readonly string[];
  readonly repair: () => Promise<void>;
}
