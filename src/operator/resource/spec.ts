import * as z from 'zod';
import {
  imagePullSecretsSpec,
  imagesSpec,
  messageRetentionSpec,
  profileSpec,
  registrationSpec,
  settingsSpec,
  twoStepSpec,
  usersSpec,
  webhookSpec,
} from './applicationSpec.ts';
import { backupSpec } from './backupSpec.ts';
import { cloudSpec } from './cloudSpec.ts';
import { databaseSpec } from './databaseSpec.ts';
import { exposureSpec } from './exposureSpec.ts';
import { described, withRules } from './fields.ts';
import { networkPolicySpec } from './networkPolicySpec.ts';
import { capacitySpec, multiconnectSpec, nodesSpec } from './nodesSpec.ts';
import {
  emulatorSpec,
  mediaClaimRules,
  mediaSpec,
  monitoringSpec,
  serviceSpec,
  tlsSpec,
  upgradeSpec,
} from './platformSpec.ts';

const E164 = /^\+[1-9][0-9]{6,14}$/;
const VERSION = /^v[0-9]+\.[0-9]+\.[0-9]+$/;

/** All fields of `spec`. */
export const whatsAppDeploymentSpec = withRules(
  z.object({
    phoneNumber: described(
      'Phone number, with + and country code. Immutable once registered.',
      z.string().min(8).max(16).regex(E164),
    ),
    stack: described(
      'Emulator runs the emulator of this project. Cloud runs the same stack with the Cloud API behind it, and needs cloud. OnPremises runs the vendor images, and needs version, images and registration.certificateSecretRef.',
      z.enum(['Emulator', 'Cloud', 'OnPremises']),
    ).default('Emulator'),
    cloud: cloudSpec.optional(),
    version: described('Client version, e.g. v2.57.1.', z.string().min(1).max(32).regex(VERSION)).optional(),
    images: imagesSpec.optional(),
    imagePullSecrets: imagePullSecretsSpec.optional(),
    topology: described(
      'HighAvailability, or Single: 1 Webapp, no Master, 1 Coreapp.',
      z.enum(['HighAvailability', 'Single']),
    ).default('HighAvailability'),
    multiconnect: multiconnectSpec.optional(),
    capacity: capacitySpec.optional(),
    registration: registrationSpec.default({ method: 'SMS', attempt: 1 }),
    nodes: nodesSpec.optional(),
    database: databaseSpec.default({
      managed: { engine: 'PostgreSQL', storage: { size: '10Gi' } },
    }),
    media: mediaSpec.optional(),
    settings: settingsSpec.optional(),
    profile: profileSpec.optional(),
    webhook: webhookSpec.optional(),
    users: usersSpec.optional(),
    twoStep: twoStepSpec.optional(),
    tls: tlsSpec.optional(),
    service: serviceSpec.optional(),
    exposure: exposureSpec.optional(),
    networkPolicy: networkPolicySpec.optional(),
    backup: backupSpec.optional(),
    messageRetention: messageRetentionSpec.optional(),
    upgrade: upgradeSpec.default({ mode: 'Automatic', operatorChanges: 'Hold', deadlineSeconds: 900 }),
    driftPolicy: described(
      'What the operator does about settings that were changed in the stack: Repair sets them back, Report only reports them.',
      z.enum(['Repair', 'Report']),
    ).default('Repair'),
    monitoring: monitoringSpec.optional(),
    emulator: emulatorSpec.optional(),
    paused: described('Stop the operator from changing anything of this stack.', z.boolean()).default(false),
    hibernated: described(
      'Stop all pods of the stack and keep its data, Secrets and registration: nodes first, then the managed database. Changes of spec meanwhile take effect at waking. An external database, and one of another operator, runs on.',
      z.boolean(),
    ).default(false),
    deletionPolicy: described(
      'What happens to the database, media and Secrets when the resource is deleted. Snapshot makes a last backup at `backup.destination`, and deletes them when it is complete. The stack has no call that deregisters a number: WhatsApp knows it until it is registered elsewhere.',
      z.enum(['Retain', 'Delete', 'Snapshot']),
    ).default('Retain'),
  }),
  [
    ...mediaClaimRules,
    {
      cel: '!(has(self.multiconnect) && has(self.capacity))',
      message: 'set either multiconnect or capacity, not both',
      check: ({ multiconnect, capacity }) => multiconnect === undefined || capacity === undefined,
    },
    {
      cel: "self.topology != 'Single' || !has(self.multiconnect) || (self.multiconnect.shards == 1 && self.multiconnect.standbys <= 1)",
      message: 'topology Single runs one Coreapp; remove multiconnect, or set topology to HighAvailability',
      check: ({ topology, multiconnect }) =>
        topology !== 'Single' || !multiconnect || (multiconnect.shards === 1 && multiconnect.standbys <= 1),
    },
    {
      cel: "self.topology != 'Single' || !has(self.capacity)",
      message:
        'topology Single runs one Coreapp with one shard, so capacity cannot size it; remove capacity, or set topology to HighAvailability',
      check: ({ topology, capacity }) => topology !== 'Single' || capacity === undefined,
    },
    {
      cel: "self.topology != 'Single' || !has(self.nodes) || !has(self.nodes.webapp) || !has(self.nodes.webapp.replicas) || self.nodes.webapp.replicas <= 1",
      message:
        'topology Single runs one Webapp; remove nodes.webapp.replicas, or set topology to HighAvailability',
      check: ({ topology, nodes }) => topology !== 'Single' || (nodes?.webapp?.replicas ?? 1) <= 1,
    },
    {
      cel: "self.topology != 'Single' || !has(self.nodes) || !has(self.nodes.webapp) || !has(self.nodes.webapp.autoscaling)",
      message:
        'topology Single runs one Webapp; remove nodes.webapp.autoscaling, or set topology to HighAvailability',
      check: ({ topology, nodes }) => topology !== 'Single' || nodes?.webapp?.autoscaling === undefined,
    },
    {
      cel: "self.topology != 'Single' || !has(self.nodes) || !has(self.nodes.master) || !has(self.nodes.master.replicas)",
      message:
        'topology Single has no Masters; remove nodes.master.replicas, or set topology to HighAvailability',
      check: ({ topology, nodes }) => topology !== 'Single' || nodes?.master?.replicas === undefined,
    },
    {
      cel: "self.stack != 'OnPremises' || (has(self.version) && has(self.images) && has(self.images.webapp) && has(self.images.coreapp))",
      message: 'stack OnPremises needs version, images.webapp and images.coreapp',
      check: ({ stack, version, images }) =>
        stack !== 'OnPremises' || (version !== undefined && !!images?.webapp && !!images.coreapp),
    },
    {
      cel: "self.stack != 'OnPremises' || !has(self.version) || !has(self.images) || ((!has(self.images.webapp) || self.images.webapp.contains('@') || self.images.webapp.endsWith(':' + self.version)) && (!has(self.images.coreapp) || self.images.coreapp.contains('@') || self.images.coreapp.endsWith(':' + self.version)))",
      message:
        'images.webapp and images.coreapp must have the tag of version, or a digest; change them together',
      check: ({ stack, version, images }) =>
        stack !== 'OnPremises' ||
        [images?.webapp, images?.coreapp].every(
          (image) => image === undefined || image.includes('@') || image.endsWith(`:${version}`),
        ),
    },
    {
      cel: "self.stack != 'OnPremises' || has(self.registration.certificateSecretRef)",
      message:
        'stack OnPremises needs registration.certificateSecretRef, the certificate from WhatsApp Manager',
      check: ({ stack, registration }) =>
        stack !== 'OnPremises' || registration.certificateSecretRef !== undefined,
    },
    {
      cel: "self.stack != 'OnPremises' || !has(self.database.external) || !has(self.database.external.tls) || self.database.external.tls.mode != 'VerifyFull'",
      message:
        'stack OnPremises has no setting that verifies the name of the database server; set database.external.tls.mode to VerifyCA, and name in caSecretRef a CA that signs this server only',
      check: ({ stack, database }) => stack !== 'OnPremises' || database.external?.tls?.mode !== 'VerifyFull',
    },
    {
      cel: "self.deletionPolicy != 'Snapshot' || has(self.backup)",
      message:
        'deletionPolicy Snapshot makes a last backup; set backup.destination and backup.encryptionSecretRef, or set deletionPolicy to Retain or Delete',
      check: ({ deletionPolicy, backup }) => deletionPolicy !== 'Snapshot' || backup !== undefined,
    },
    {
      cel: "self.stack != 'OnPremises' || !has(self.emulator)",
      message: 'emulator does not apply to stack OnPremises; remove it, or set stack to Emulator',
      check: ({ stack, emulator }) => stack !== 'OnPremises' || emulator === undefined,
    },
    {
      cel: "self.stack != 'Cloud' || !has(self.emulator) || !has(self.emulator.network)",
      message:
        'stack Cloud has the Cloud API behind it, and no simulated network; remove emulator.network, or set stack to Emulator',
      check: ({ stack, emulator }) => stack !== 'Cloud' || emulator?.network === undefined,
    },
    {
      cel: "(self.stack == 'Cloud') == has(self.cloud)",
      message:
        'stack Cloud needs cloud, and no other stack has it; set cloud.phoneNumberId, cloud.businessAccountId, cloud.accessTokenSecretRef and cloud.appSecretRef, or remove cloud',
      check: ({ stack, cloud }) => (stack === 'Cloud') === (cloud !== undefined),
    },
    {
      cel: "self.stack != 'Cloud' || !has(self.multiconnect) || self.multiconnect.shards == 1",
      message:
        'stack Cloud has one shard: a number of the Cloud API cannot be divided, and its throughput grows on its own; set multiconnect.shards to 1',
      check: ({ stack, multiconnect }) => stack !== 'Cloud' || (multiconnect?.shards ?? 1) === 1,
    },
    {
      cel: "self.stack == 'Cloud' || !has(self.settings) || !has(self.settings.webhooks) || !has(self.settings.webhooks.message) || !has(self.settings.webhooks.message.sending)",
      message: 'settings.webhooks.message.sending is for stack: Cloud; remove it',
      check: ({ stack, settings }) => stack === 'Cloud' || settings?.webhooks?.message?.sending === undefined,
    },
    {
      cel: "self.stack != 'Cloud' || !has(self.capacity)",
      message:
        'capacity chooses the number of shards, and stack Cloud has one; remove capacity, and set nodes.webapp.replicas and resources',
      check: ({ stack, capacity }) => stack !== 'Cloud' || capacity === undefined,
    },
  ],
);

/**
 * Fields that pods are rendered from, whole. Pod templates can read no other field of `spec` but a few parts that
 * `nodeInputs` selects, and a change of one of these restarts the pods whose template it changes.
 */
export const POD_FIELDS = ['stack', 'version', 'images', 'imagePullSecrets', 'topology', 'emulator'] as const;
