/** How a person takes messages of whom nothing else is said. The page shows it too, so this file imports nothing. */
export const DEFAULT_BEHAVIOUR = {
  hasWhatsApp: true,
  blocks: false,
  deliverAfterMs: 50,
  readAfterMs: 150,
  deleteAfterMs: null,
  failsWith: null,
  optedOut: false,
  oldApp: false,
} as const;
