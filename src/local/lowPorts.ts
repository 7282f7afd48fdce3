/** An ordinary user may not bind ports below 1024; pods and Services of such a user serve them this much higher. */
const OFFSET = 20_000;

export const lowPortOffset = (): number => (process.getuid?.() === 0 ? 0 : OFFSET);
