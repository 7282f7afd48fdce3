import type { Reason } from './conditions.ts';

/** The reasons of the conditions Complete and Halted of a WhatsAppFleet. */
export const fleetReasons = {
  Complete: { means: 'Every stack of every ring is up to date and Ready, and each ring has soaked.' },
  Rolling: { means: 'Stacks of the ring in the message are changing.' },
  Soaking: {
    means:
      'All stacks of the ring in the message are up to date; the next ring begins at the time in the message.',
  },
  Paused: {
    means: '`spec.paused` is true.',
    fix: 'Run `kubectl waba fleet resume NAME`, or set `spec.paused` to false.',
  },
  NoStacks: {
    means: 'No WhatsAppDeployment has the labels of `spec.selector` in the namespaces of the fleet.',
    fix: 'Correct `spec.selector` or `spec.namespaces`.',
  },
  NotAllowed: {
    means:
      '`spec.namespaces` names other namespaces than that of the fleet, and the fleet is not in the namespace of the operator.',
    fix: 'Remove `spec.namespaces`, or create the fleet in the namespace that the message names.',
  },
  NotHalted: { means: 'No stack has failed.' },
  StackFailed: {
    means:
      'A stack failed after its change, so the fleet begins with no further stack. The message holds the stack and its reason.',
    fix: 'To go on when the cause is mended, run `kubectl waba fleet resume NAME`. To go back, run `kubectl waba fleet rollback NAME`.',
  },
  MessagesFailing: {
    means:
      'A stack has more failed messages since its change than `spec.health.maxFailedMessagesPercent` allows.',
    fix: 'Look at the errors of the stack. Then run `kubectl waba fleet resume NAME`, or `kubectl waba fleet rollback NAME`.',
  },
  ChangeRefused: {
    means:
      'The API server refuses the change of a stack. Usually another manager, such as a GitOps tool, owns `spec.version`.',
    fix: 'Remove the field that the message names from the manifest of the stack, so that the fleet owns it; then run `kubectl waba fleet resume NAME`.',
  },
} as const satisfies Record<string, Reason>;
export type FleetReason = keyof typeof fleetReasons;
