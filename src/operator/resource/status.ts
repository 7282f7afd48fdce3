import { z } from 'zod';
import { described, listOf, withRules } from './fields.ts';

const word = (maxLength: number, description: string) => described(description, z.string().max(maxLength));
const count = (description: string) => described(description, z.int().min(0).max(1_000_000));
const time = (description: string) => described(description, z.string().max(64));

const condition = z.object({
  type: word(64, 'Type of the condition.'),
  status: described('True, False or Unknown.', z.enum(['True', 'False', 'Unknown'])),
  reason: word(128, 'A word for programs.'),
  message: word(4096, 'A sentence for people.'),
  observedGeneration: described('Generation that it was computed for.', z.int().min(0)).optional(),
  lastTransitionTime: time('When its status last changed.'),
});
export type Condition = z.output<typeof condition>;

const nodeStatus = z.object({
  name: word(253, 'Pod.'),
  role: described('Role.', z.enum(['Webapp', 'Master', 'Coreapp'])),
  ready: described('Whether the pod is ready.', z.boolean()),
  primary: described('Whether it is the primary Master.', z.boolean()).optional(),
  shards: listOf(z.int().min(-1).max(31), 32, 'Shards it owns; -1 is the control shard.').optional(),
  gatewayStatus: word(64, '`gateway_status` of /v1/health.').optional(),
  address: word(253, 'Address.').optional(),
  version: word(64, 'Client version.').optional(),
});
export type NodeStatus = z.output<typeof nodeStatus>;

const planEntry = z.object({
  target: word(253, 'What would change.'),
  action: word(64, 'How.'),
  reason: word(1024, 'Why.'),
});
/** A change that waits, as `status.plan` tells it. */
export type PlanEntry = z.output<typeof planEntry>;

/** The whole of `status`. It is derived: deleting it loses nothing. */
export const whatsAppDeploymentStatus = z
  .object({
    observedGeneration: z.int().min(0),
    conditions: described(
      'What is true of the stack, and why not where it is not.',
      z
        .array(condition)
        .max(32)
        .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] }),
    ),
    phase: word(64, 'A word for people, computed last and never read by the operator.'),
    nodes: listOf(nodeStatus, 128, 'Nodes as observed.').meta({
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
    }),
    shards: z
      .object({
        desired: count('Shards wanted.'),
        served: count('Shards with a connected owner.'),
        owners: described('Pod that owns each shard.', z.record(z.string(), z.string().max(253))),
      })
      .partial(),
    registration: z
      .object({
        state: described(
          'State of the registration.',
          z.enum(['Unregistered', 'CodeRequested', 'Registered', 'Unknown']),
        ),
        verifiedName: word(256, 'Verified name of the certificate.'),
        registeredAt: time('When it was registered.'),
      })
      .partial(),
    database: z
      .object({ engine: word(32, 'Engine.'), host: word(253, 'Host.'), ready: z.boolean() })
      .partial(),
    client: z
      .object({ version: word(64, 'Client version.'), expires: time('When this build expires.') })
      .partial(),
    webhook: z
      .object({ checked: word(64, 'Value of the annotation `check-webhook` at the last look.') })
      .partial(),
    plan: listOf(planEntry, 64, 'What would restart, and why.').meta({ 'x-kubernetes-list-type': 'atomic' }),
    lastBackup: z.object({ name: word(253, 'Backup.'), time: time('When.') }).partial(),
    endpoints: z
      .object({
        api: word(512, 'URL of the API inside the cluster.'),
        adminSecretName: word(253, 'Secret with the password of admin.'),
      })
      .partial(),
    scale: z
      .object({ selector: word(512, 'Selector of the Webapps.'), replicas: count('Webapps.') })
      .partial(),
    summary: z
      .object({
        masters: word(16, 'Ready and desired Masters.'),
        shards: word(16, 'Served and desired shards.'),
        webapps: word(16, 'Ready and desired Webapps.'),
      })
      .partial(),
  })
  .partial();

export type WhatsAppDeploymentStatus = z.output<typeof whatsAppDeploymentStatus>;

/** The resource as a whole, with the rules that need more than its spec. */
export const rootRules = <S extends z.ZodType>(schema: S) =>
  withRules(schema, [
    {
      cel: "self.spec.phoneNumber == oldSelf.spec.phoneNumber || !has(self.status) || !has(self.status.registration) || !has(self.status.registration.state) || self.status.registration.state in ['Unregistered']",
      message:
        'phoneNumber is immutable once registered; create another WhatsAppDeployment for another number, and delete this one',
    },
    {
      cel: 'size(self.metadata.name) <= 40',
      message: 'metadata.name must have at most 40 characters, because names of children are made from it',
    },
  ]);
