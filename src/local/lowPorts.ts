/** An ordinary user may not bind ports below 1024, so this is added to the low ports of pods and Services. */
const OFFSET = 20_000;

export const lowPortOffset = (): number => (process.getuid?.() === 0 ? 0 : OFFSET);
