import * as z from 'zod';
import { imagesSpec } from './applicationSpec.ts';
import { described, listByName, listOf, stringMap, withRules } from './fields.ts';
import { condition } from './status.ts';
import { API_VERSION, objectMeta, parseStored } from './whatsAppDeployment.ts';

export const FLEET_KIND = 'WhatsAppFleet';
export const FLEET_PLURAL = 'whatsappfleets';
/** In `spec.namespaces`: every namespace that the operator watches. */
export const ALL_NAMESPACES = '*';

const VERSION = /^v[0-9]+\.[0-9]+\.[0-9]+$/;
const RING_NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const NAMESPACE = /^(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$/;

const word = (maxLength: number, description: string) => described(description, z.string().max(maxLength));
const count = (description: string) => described(description, z.int().min(0).max(1_000_000));
const time = (description: string) => described(description, z.string().max(64));

const selector = (description: string) =>
  described(
    description,
    z.object({
      matchLabels: stringMap(16, 'Labels that a WhatsAppDeployment must have, all of them.', {
        maxLength: 63,
      }),
    }),
  );

const ring = withRules(
  z.object({
    name: described('Name of the ring.', z.string().min(1).max(63).regex(RING_NAME)),
    selector: selector('The stacks of the ring, by their labels.').optional(),
    percentage: described(
      'Share of the stacks of the fleet that no earlier ring has, in percent of the whole fleet, at least one. The same stacks each time.',
      z.int().min(1).max(100),
    ).optional(),
    maxUnavailable: described(
      'How many stacks of the ring may change at a time. Default: 1.',
      z.int().min(1).max(100_000),
    ).optional(),
    maxUnavailablePercent: described(
      'How many stacks of the ring may change at a time, in percent of the ring, rounded up. Excludes `maxUnavailable`.',
      z.int().min(1).max(100),
    ).optional(),
    soakSeconds: described(
      'How long all stacks of the ring must have been up to date and Ready before the next ring begins, in seconds.',
      z.int().min(0).max(2_592_000),
    ).default(600),
  }),
  [
    {
      cel: '!(has(self.selector) && has(self.percentage))',
      message: 'a ring has either a selector or a percentage, not both',
      check: ({ selector: labels, percentage }) => labels === undefined || percentage === undefined,
    },
    {
      cel: '!(has(self.maxUnavailable) && has(self.maxUnavailablePercent))',
      message: 'a ring has either maxUnavailable or maxUnavailablePercent, not both',
      check: ({ maxUnavailable, maxUnavailablePercent }) =>
        maxUnavailable === undefined || maxUnavailablePercent === undefined,
    },
  ],
);

/** All fields of `spec`. */
export const whatsAppFleetSpec = withRules(
  z.object({
    selector: selector(
      'The stacks of the fleet, by their labels. Without it, all of the namespaces.',
    ).optional(),
    namespaces: described(
      'Namespaces of the stacks; `*` for all that the operator watches. Only a fleet in the namespace of the operator may name others than its own. Default: its own.',
      z.array(z.string().min(1).max(63).regex(NAMESPACE)).min(1).max(256),
    ).optional(),
    version: described(
      'Client version that the stacks get, e.g. v2.57.1.',
      z.string().max(32).regex(VERSION),
    ).optional(),
    images: imagesSpec.optional(),
    operatorChanges: described(
      'What becomes of changes that only a new operator version makes, which stacks hold until they restart: Leave leaves them, Roll rolls them out ring by ring.',
      z.enum(['Leave', 'Roll']),
    ).default('Leave'),
    rings: listByName(
      ring,
      16,
      'Rings, in the order in which they change. Without rings, the fleet is one ring.',
    ).default([]),
    health: described(
      'When the rollout halts. It halts at the first stack that fails.',
      z.object({
        deadlineSeconds: described(
          'How long a stack may take from its change until it is Ready, in seconds. Time in which it waits for its own maintenance window or an approval does not count.',
          z.int().min(60).max(86_400),
        ).default(3600),
        maxFailedMessagesPercent: described(
          'Share of failed messages of a stack, since it changed, above which the rollout halts. Without it, messages are not counted.',
          z.int().min(0).max(100),
        ).optional(),
        minMessages: described(
          'Number of messages that a stack must have sent before their share counts.',
          z.int().min(1).max(1_000_000),
        ).default(20),
      }),
    ).default({ deadlineSeconds: 3600, minMessages: 20 }),
    paused: described('Begin with no further stack. Those that are changing go on.', z.boolean()).default(
      false,
    ),
    attempt: described(
      'Increase this number to go on after the rollout halted.',
      z.int().min(1).max(1_000_000),
    ).default(1),
  }),
  [
    {
      cel: "has(self.version) || self.operatorChanges == 'Roll'",
      message: 'a fleet needs version, or operatorChanges: Roll',
      check: ({ version, operatorChanges }) => version !== undefined || operatorChanges === 'Roll',
    },
    {
      cel: '!has(oldSelf.version) || has(self.version)',
      message:
        'version cannot be removed, because the stacks would fall back to the default version; delete the fleet to leave them as they are',
    },
    {
      cel: 'size(self.rings) == 0 || self.rings.all(r, has(r.selector) || has(r.percentage) || r.name == self.rings[size(self.rings) - 1].name)',
      message: 'only the last ring can have neither selector nor percentage: it takes the rest of the fleet',
      check: ({ rings }) =>
        rings.slice(0, -1).every(({ selector: labels, percentage }) => labels ?? percentage),
    },
  ],
);

/** How far a ring is. */
const RING_PHASES = ['Waiting', 'Rolling', 'Soaking', 'Done', 'Halted'] as const;
export type RingPhase = (typeof RING_PHASES)[number];

const ringStatus = z.object({
  name: word(63, 'Name of the ring.'),
  phase: described('How far the ring is.', z.enum(RING_PHASES)),
  stacks: count('Stacks of the ring.'),
  updated: count('Stacks that are up to date and Ready.'),
  rolling: count('Stacks that are changing.'),
  waiting: count('Stacks whose turn comes.'),
  held: count('Stacks that are left out for now: paused, hibernated, or not Ready before their turn.'),
  failed: count('Stacks that failed.'),
  updatedAt: time('When the last stack of the ring became up to date.').optional(),
});
export type RingStatus = z.output<typeof ringStatus>;

export const whatsAppFleetStatus = z
  .object({
    observedGeneration: described('Last generation that the operator reconciled.', z.int().min(0)),
    phase: word(64, 'Summary in one word, for people. The operator never reads it.'),
    conditions: described(
      'The conditions Complete and Halted, with their reasons.',
      z
        .array(condition)
        .max(8)
        .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] }),
    ),
    target: z
      .object({
        version: word(64, 'Version that the rollout brings.'),
        hash: word(64, 'Stands for version and images.'),
        since: time('When the rollout began.'),
        unfinishedSince: time(
          'When the first of the rollouts began that did not complete, this one included. A stack that the fleet changed since then changes again, also when it is not Ready.',
        ),
        isRollback: described(
          'Whether it brings back what the stacks had before: rings do not soak, and stacks that are not Ready change too.',
          z.boolean(),
        ),
      })
      .partial(),
    previousVersion: word(64, 'Version of the rollout before; `spec.version` set to it rolls back.'),
    halt: z
      .object({
        attempt: described('The attempt that halted.', z.int().min(1)),
        ring: word(63, 'The ring.'),
        stack: word(512, 'The stack that failed, as `namespace/name`.'),
        message: word(1024, 'Why.'),
        at: time('When.'),
      })
      .partial(),
    rings: listOf(ringStatus, 17, 'The rings.').meta({ 'x-kubernetes-list-type': 'atomic' }),
    stacks: listOf(
      z.object({
        name: word(512, 'The stack, as `namespace/name`.'),
        ring: word(63, 'Its ring.'),
        state: word(32, 'Rolling, Held or Failed.'),
        reason: word(1024, 'What it waits for, or why it failed.'),
      }),
      32,
      'Stacks that change or need attention, the first 32: failed ones first.',
    ).meta({ 'x-kubernetes-list-type': 'atomic' }),
    summary: z
      .object({
        updated: word(32, 'Stacks that are up to date, of all.'),
        ring: word(63, 'The ring whose turn it is.'),
        withoutRing: count('Stacks of the fleet that no ring takes.'),
      })
      .partial(),
  })
  .partial();
export type WhatsAppFleetStatus = z.output<typeof whatsAppFleetStatus>;

const whatsAppFleet = z.object({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal(FLEET_KIND),
  metadata: objectMeta,
  spec: whatsAppFleetSpec,
  status: whatsAppFleetStatus.optional().catch(undefined),
});
export type WhatsAppFleet = z.output<typeof whatsAppFleet>;

/** Parses a stored fleet. It fails only if the installed CRD is of another version than this code. */
export const parseWhatsAppFleet = parseStored(whatsAppFleet);
