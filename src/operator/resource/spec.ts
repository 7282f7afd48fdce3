import { z } from 'zod';
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
import { databaseSpec } from './databaseSpec.ts';
import { described, planned, withRules } from './fields.ts';
import { capacitySpec, multiconnectSpec, nodesSpec } from './nodesSpec.ts';
import {
  backupSpec,
  emulatorSpec,
  exposureSpec,
  mediaSpec,
  monitoringSpec,
  networkPolicySpec,
  serviceSpec,
  tlsSpec,
  upgradeSpec,
} from './platformSpec.ts';

const E164 = /^\+[1-9][0-9]{6,14}$/;
const VERSION = /^v[0-9]+\.[0-9]+\.[0-9]+$/;

/** The whole of `spec`. A field added later must find its place here. */
export const whatsAppDeploymentSpec = withRules(
  z.object({
    phoneNumber: described(
      'The number, with + and country code. Immutable once registered.',
      z.string().min(8).max(16).regex(E164),
    ),
    stack: described(
      'Emulator, or the vendor images (OnPremises), which need version, images and registration.certificateSecretRef.',
      z.enum(['Emulator', 'OnPremises']),
    ).default('Emulator'),
    version: described('Client version, e.g. v2.57.1.', z.string().min(1).max(32).regex(VERSION)).optional(),
    images: imagesSpec.optional(),
    imagePullSecrets: imagePullSecretsSpec.optional(),
    topology: described(
      'HighAvailability, or Single (1 Webapp, no Master, 1 Coreapp).',
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
    upgrade: upgradeSpec.default({ mode: 'Automatic', strategy: 'Rolling', operatorChanges: 'Hold' }),
    driftPolicy: described(
      'Repair settings that somebody changed, or only report them.',
      z.enum(['Repair', 'Report']),
    ).default('Repair'),
    monitoring: monitoringSpec.optional(),
    emulator: emulatorSpec.optional(),
    paused: described('Leave everything as it is until this is false again.', z.boolean()).default(false),
    hibernated: planned(described('Stop all pods and keep the data.', z.boolean()), [true]).default(false),
    deletionPolicy: planned(
      described(
        'What happens to database, media, Secrets and registration when the resource is deleted.',
        z.enum(['Retain', 'Delete', 'Snapshot']),
      ),
      ['Snapshot'],
    ).default('Retain'),
  }),
  [
    {
      cel: '!(has(self.multiconnect) && has(self.capacity))',
      message: 'set either multiconnect or capacity, not both',
      check: ({ multiconnect, capacity }) => multiconnect === undefined || capacity === undefined,
    },
    {
      cel: "self.topology != 'Single' || !has(self.multiconnect) || (self.multiconnect.shards == 1 && self.multiconnect.standbys <= 1)",
      message: 'topology Single runs one Coreapp; remove multiconnect or choose HighAvailability',
      check: ({ topology, multiconnect }) =>
        topology !== 'Single' || !multiconnect || (multiconnect.shards === 1 && multiconnect.standbys <= 1),
    },
    {
      cel: "self.topology != 'Single' || !has(self.nodes) || !has(self.nodes.webapp) || !has(self.nodes.webapp.replicas) || self.nodes.webapp.replicas <= 1",
      message: 'topology Single runs one Webapp; remove nodes.webapp.replicas or choose HighAvailability',
      check: ({ topology, nodes }) => topology !== 'Single' || (nodes?.webapp?.replicas ?? 1) <= 1,
    },
    {
      cel: "self.topology != 'Single' || !has(self.nodes) || !has(self.nodes.master) || !has(self.nodes.master.replicas)",
      message: 'topology Single has no Masters; remove nodes.master.replicas or choose HighAvailability',
      check: ({ topology, nodes }) => topology !== 'Single' || nodes?.master?.replicas === undefined,
    },
    {
      cel: "self.stack != 'OnPremises' || (has(self.version) && has(self.images) && has(self.images.webapp) && has(self.images.coreapp))",
      message: 'stack OnPremises needs version, images.webapp and images.coreapp',
      check: ({ stack, version, images }) =>
        stack !== 'OnPremises' || (version !== undefined && !!images?.webapp && !!images.coreapp),
    },
    {
      cel: "self.stack != 'OnPremises' || has(self.registration.certificateSecretRef)",
      message:
        'stack OnPremises needs registration.certificateSecretRef, the certificate from WhatsApp Manager',
      check: ({ stack, registration }) =>
        stack !== 'OnPremises' || registration.certificateSecretRef !== undefined,
    },
    {
      cel: "self.stack == 'Emulator' || !has(self.emulator)",
      message: 'emulator options belong to stack Emulator; remove spec.emulator',
      check: ({ stack, emulator }) => stack === 'Emulator' || emulator === undefined,
    },
  ],
);
