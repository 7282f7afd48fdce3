import * as z from 'zod';
import { described, listOf, withRules } from './fields.ts';
import { volumeSizeRules } from './volumeRules.ts';

const word = (maxLength: number, description: string) => described(description, z.string().max(maxLength));
const count = (description: string) => described(description, z.int().min(0).max(1_000_000));
const time = (description: string) => described(description, z.string().max(64));

export const condition = z.object({
  type: word(64, 'Type of the condition.'),
  status: described('True, False or Unknown.', z.enum(['True', 'False', 'Unknown'])),
  reason: word(128, 'Reason in one word, for programs.'),
  message: word(4096, 'Reason in a sentence, for people.'),
  observedGeneration: described(
    'Generation of the resource that the condition was computed for.',
    z.int().min(0),
  ).optional(),
  lastTransitionTime: time('When the status of the condition last changed.'),
});
export type Condition = z.output<typeof condition>;

const nodeStatus = z.object({
  name: word(253, 'Name of the pod.'),
  role: described('Role of the node.', z.enum(['Webapp', 'Master', 'Coreapp'])),
  ready: described('Whether the pod is ready.', z.boolean()),
  primary: described('Whether it is the primary Master.', z.boolean()).optional(),
  shards: listOf(
    z.int().min(-1).max(31),
    32,
    'Shards that the node owns; -1 is the control shard.',
  ).optional(),
  gatewayStatus: word(64, '`gateway_status` of the node in /v1/health.').optional(),
  address: word(253, 'IP address of the pod.').optional(),
  version: word(64, 'Client version that the node runs.').optional(),
});
export type NodeStatus = z.output<typeof nodeStatus>;

const planEntry = z.object({
  target: word(253, 'Object that would change.'),
  action: word(64, 'What the operator would do to it.'),
  reason: word(1024, 'Why it would change, and why the change waits.'),
  operatorChange: described(
    'Whether only a new operator version makes the change, which is held until the next restart.',
    z.boolean(),
  ).optional(),
});
/** A pending change, as an entry of `status.plan`. */
export type PlanEntry = z.output<typeof planEntry>;

/** All fields of `status`. The operator derives them from what it observes; deleting `status` loses nothing. */
export const whatsAppDeploymentStatus = z
  .object({
    observedGeneration: described('Last generation that the operator reconciled.', z.int().min(0)),
    conditions: described(
      'Conditions of the stack, each with its reason.',
      z
        .array(condition)
        .max(32)
        .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] }),
    ),
    phase: word(64, 'Summary in one word, for people. The operator never reads it.'),
    nodes: listOf(nodeStatus, 128, 'Observed nodes.').meta({
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
    }),
    shards: z
      .object({
        desired: count('Number of shards declared.'),
        served: count('Number of shards whose owner is connected.'),
        owners: described('Name of the pod that owns each shard.', z.record(z.string(), z.string().max(253))),
      })
      .partial(),
    registration: z
      .object({
        state: described(
          'State of the registration.',
          z.enum(['Unregistered', 'CodeRequested', 'Registered', 'Unknown']),
        ),
        verifiedName: word(256, 'Verified name in the certificate.'),
        registeredAt: time('When the number was registered.'),
      })
      .partial(),
    database: z
      .object({
        engine: word(32, 'Engine of the database.'),
        host: word(253, 'Host of the database.'),
        ready: described('Whether the database is ready.', z.boolean()),
        passwordRotation: z
          .object({
            requested: word(
              64,
              'Value of `spec.database.managed.passwordRotation` that the operator acts on, or acted on last.',
            ),
            step: word(1024, 'The step that is under way, and what it waits for; absent when all is done.'),
            completed: time('When the password was last rotated.'),
          })
          .partial(),
      })
      .partial(),
    volumes: z
      .object({
        database: word(32, 'Size of the volume of the database, while spec wants a larger one.'),
        media: word(32, 'Size of the volume of the media, while spec wants a larger one.'),
        gateway: word(32, 'Size of the volume of the gateway, while spec wants a larger one.'),
      })
      .partial(),
    client: z
      .object({ version: word(64, 'Client version.'), expires: time('When this build expires.') })
      .partial(),
    webhook: z
      .object({ checked: word(64, 'Value of the annotation `check-webhook` at the last check.') })
      .partial(),
    plan: listOf(planEntry, 64, 'Pending changes.').meta({ 'x-kubernetes-list-type': 'atomic' }),
    rollout: z
      .object({
        role: word(16, 'Role of the pod whose turn it is.'),
        done: count('Pods that run the current template and are ready.'),
        total: count('Pods of the stack.'),
        next: word(253, 'The pod or Deployment whose turn it is.'),
        waitingFor: word(1024, 'What the next restart waits for.'),
      })
      .partial(),
    release: z
      .object({
        version: word(64, 'Client version that spec.version declared.'),
        webapp: word(512, 'Image of the Webapps.'),
        coreapp: word(512, 'Image of Masters and Coreapps.'),
        database: word(512, 'Image of the managed database.'),
      })
      .partial(),
    lastBackup: z
      .object({
        name: word(253, 'Name of the WhatsAppBackup.'),
        time: time('When the backup was made.'),
        bytes: described('Size at the destination.', z.int().min(0)),
        durationSeconds: count('How long the backup took.'),
      })
      .partial(),
    endpoints: z
      .object({
        api: word(512, 'URL of the API inside the cluster.'),
        adminSecretName: word(253, 'Name of the Secret with the password of admin.'),
      })
      .partial(),
    scale: z
      .object({
        selector: word(512, 'Label selector of the Webapps.'),
        replicas: count('Number of Webapps.'),
      })
      .partial(),
    autoscaling: z
      .object({
        current: count('Number of Webapps that the HorizontalPodAutoscaler last saw.'),
        desired: count('Number of Webapps that it wants.'),
        min: count('Least number that spec allows.'),
        max: count('Largest number that spec allows.'),
      })
      .partial(),
    summary: z
      .object({
        masters: word(16, 'Ready/desired Masters.'),
        shards: word(16, 'Served/desired shards.'),
        webapps: word(16, 'Ready/desired Webapps.'),
      })
      .partial(),
  })
  .partial();

export type WhatsAppDeploymentStatus = z.output<typeof whatsAppDeploymentStatus>;

/** Names whose objects would be those of others in the namespace. */
const RESERVED_NAMES = ['default', 'waba-network'] as const;

/** Adds the rules that read more than `spec`. */
export const rootRules = <S extends z.ZodType>(schema: S) =>
  withRules(schema, [
    {
      cel: "self.spec.phoneNumber == oldSelf.spec.phoneNumber || !has(self.status) || !has(self.status.registration) || !has(self.status.registration.state) || self.status.registration.state in ['Unregistered']",
      message:
        'phoneNumber is immutable once registered; create another WhatsAppDeployment for the other number',
    },
    {
      cel: "self.spec.stack != 'OnPremises' || !has(self.spec.version) || !has(oldSelf.spec.version) || self.spec.version == oldSelf.spec.version || !has(self.spec.images) || !has(oldSelf.spec.images) || self.spec.images != oldSelf.spec.images",
      message:
        'version changes together with images; set images.webapp and images.coreapp to those of the version',
    },
    {
      // A stack that begins anew has other Secrets than the backup. What the operator could not read may be corrected.
      cel: "!has(self.spec.registration.restoreFrom) || (has(oldSelf.spec.registration.restoreFrom) && (self.spec.registration.restoreFrom == oldSelf.spec.registration.restoreFrom || !has(self.status) || !has(self.status.conditions) || self.status.conditions.exists(c, c.type == 'DatabaseReady' && c.reason in ['Restoring', 'RestoreRefused', 'Waiting'])))",
      message:
        'registration.restoreFrom can be set only when the resource is created, and changes only until the operator has read the backup; create another WhatsAppDeployment, or remove the field',
    },
    ...volumeSizeRules,
    {
      cel: 'size(self.metadata.name) <= 40',
      message: 'metadata.name must have at most 40 characters, because names of Pods and Services contain it',
      onCreate: true,
    },
    {
      cel: '!has(self.spec.database.mysqlOperator) || has(self.spec.database.mysqlOperator.name) || size(self.metadata.name) <= 37',
      message:
        'metadata.name must have at most 37 characters with a database.mysqlOperator that the operator creates, because an InnoDBCluster is called after it, and has at most 40',
      onCreate: true,
    },
    {
      cel: "self.metadata.name.matches(r'^[a-z]([-a-z0-9]*[a-z0-9])?$')",
      message:
        'metadata.name must begin with a letter and have only lower-case letters, digits and -, because names of Services contain it',
      onCreate: true,
    },
    {
      cel: `!(self.metadata.name in [${RESERVED_NAMES.map((name) => `'${name}'`).join(', ')}])`,
      message: `metadata.name must not be ${RESERVED_NAMES.join(' or ')}: the ServiceAccount default and the shared network process waba-network have these names`,
      onCreate: true,
    },
  ]);
