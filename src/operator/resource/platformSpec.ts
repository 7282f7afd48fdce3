import * as z from 'zod';
import { timeZone } from './backupSpec.ts';
import {
  described,
  listByName,
  objectName,
  resources,
  secretKeyRef,
  secretRef,
  withRules,
} from './fields.ts';
import { annotationMap, OWN_NETWORK_VOLUMES, podTemplateOf } from './podTemplateSpec.ts';
import { schedule } from './schedule.ts';
import { storageSpec } from './storageSpec.ts';
import { storageClassRule } from './volumeRules.ts';
import { TCP_ADDRESS } from './webAddress.ts';

const tcpAddress = new RegExp(TCP_ADDRESS);

/** Fields for what the stack uses of the cluster: volumes, certificates, Services, monitoring. */

export const mediaSpec = described(
  'Volume that Webapps and Coreapps share for media.',
  withRules(
    z.object({
      storage: described(
        'PersistentVolumeClaim that the operator creates.',
        storageSpec('10Gi').extend({
          accessMode: described(
            'Access mode of the volume. ReadWriteOnce works only if all pods of the stack run on one machine.',
            z.enum(['ReadWriteMany', 'ReadWriteOnce']),
          ).default('ReadWriteMany'),
        }),
      ).optional(),
      claimName: objectName('Name of an existing PersistentVolumeClaim. Excludes `storage`.').optional(),
      providers: listByName(
        z.object({
          name: described('Name by which messages refer to the provider.', z.string().min(1).max(200)),
          type: described('Type of the provider.', z.enum(['www'])).default('www'),
          credentialsSecretRef: secretRef('Secret with `username` and `password`, or `bearer`.'),
        }),
        32,
        'Media providers: credentials with which the stack downloads media from links.',
      ).optional(),
      garbageCollection: described(
        'Garbage collection of unused media.',
        z.object({ schedule: schedule('Cron schedule of the garbage collection, in UTC.').optional() }),
      ).optional(),
    }),
    [
      {
        cel: '!(has(self.storage) && has(self.claimName))',
        message: 'set either media.storage or media.claimName, not both',
        check: ({ storage, claimName }) => storage === undefined || claimName === undefined,
      },
    ],
  ),
);

/** The claim that the operator creates for media. These rules read `spec`, because `media` may be unset. */
const storageOf = (self: string) => `has(${self}.media) && has(${self}.media.storage)`;
const accessModeOf = (self: string) =>
  `(${storageOf(self)} ? ${self}.media.storage.accessMode : 'ReadWriteMany')`;
const OTHER_CLAIM = ['self', 'oldSelf']
  .map((self) => `(has(${self}.media) && has(${self}.media.claimName))`)
  .join(' || ');
export const mediaClaimRules = [
  storageClassRule(
    'media.storage',
    (self) =>
      `(${storageOf(self)} && has(${self}.media.storage.storageClassName) ? ${self}.media.storage.storageClassName : '')`,
    OTHER_CLAIM,
  ),
  {
    cel: `${OTHER_CLAIM} || ${accessModeOf('self')} == ${accessModeOf('oldSelf')}`,
    message:
      'media.storage.accessMode cannot change once the volume exists; set it back. To use another volume, create a PersistentVolumeClaim, copy the media there and name it in media.claimName',
  },
];

export const tlsSpec = described(
  'Certificate of the HTTPS API. Set exactly one field. Without `tls` the stack generates a certificate, and the operator pins its CA.',
  withRules(
    z.object({
      secretRef: secretRef('Secret of type kubernetes.io/tls with the certificate.').optional(),
      issuerRef: described(
        'cert-manager issuer of the certificate.',
        z.object({
          name: objectName('Name of the issuer.'),
          kind: described('Kind of the issuer.', z.enum(['Issuer', 'ClusterIssuer'])).default('Issuer'),
        }),
      ).optional(),
      selfSigned: described(
        'The operator signs the certificate with its own CA and renews it before it expires.',
        z.object({}),
      ).optional(),
    }),
    [
      {
        cel: '[has(self.secretRef), has(self.issuerRef), has(self.selfSigned)].filter(set, set).size() == 1',
        message: 'set exactly one of tls.secretRef, tls.issuerRef, tls.selfSigned',
        check: ({ secretRef: secret, issuerRef, selfSigned }) =>
          [secret, issuerRef, selfSigned].filter((choice) => choice !== undefined).length === 1,
      },
    ],
  ),
);

export const serviceSpec = described(
  'The Service of the HTTPS API.',
  z.object({
    type: described('Type of the Service.', z.enum(['ClusterIP', 'NodePort', 'LoadBalancer'])).default(
      'ClusterIP',
    ),
    annotations: annotationMap('Extra annotations of the Service.').optional(),
    ports: described(
      'Ports of the Service.',
      z.object({ https: described('Port of the API.', z.int().min(1).max(65_535)).default(443) }),
    ).optional(),
  }),
);

const upgradeWindow = described(
  'When pods may restart. Outside the window, changes wait; pods that never became ready are replaced at any time.',
  z.object({
    schedule: schedule('Cron expression of the start of the window, such as `0 2 * * 1-5`.'),
    durationMinutes: described('Length of the window.', z.int().min(5).max(10_080)).default(60),
    timeZone: timeZone.default('UTC'),
  }),
);

export const upgradeSpec = described(
  'How the operator rolls out new versions and pod templates.',
  z.object({
    mode: described(
      'Automatic restarts pods one at a time. Manual changes no pod until the annotation waba-operator.dev/approved-generation of the resource is its generation. OnDelete updates the templates, and each Master, Coreapp and database pod takes the new one when somebody deletes it.',
      z.enum(['Automatic', 'Manual', 'OnDelete']),
    ).default('Automatic'),
    strategy: described(
      'Rolling replaces one pod at a time; Stop stops all pods, upgrades the schema and starts all pods. The default is Stop for another minor version of stack OnPremises, else Rolling.',
      z.enum(['Rolling', 'Stop']),
    ).optional(),
    operatorChanges: described(
      'When pods restart for a change that only a new operator version makes: Hold waits until they restart for another reason, Immediately restarts them now.',
      z.enum(['Hold', 'Immediately']),
    ).default('Hold'),
    window: upgradeWindow.optional(),
    deadlineSeconds: described(
      'How long a rollout may make no progress before the operator stops it, in seconds. A change of spec resumes it.',
      z.int().min(60).max(86_400),
    ).default(900),
  }),
);

export const monitoringSpec = described(
  'Monitoring objects of the stack. The operator also serves the metrics of every stack at its own metrics port.',
  z.object({
    podMonitor: described(
      'Create a PodMonitor for the Webapps. Needs the Prometheus operator.',
      z.boolean(),
    ).default(false),
  }),
);

/** `media.shop.svc`, `*.shop.example`, `10.0.0.7`, `fd00::7`, or `*` for all. */
const LINK_HOST = /^(\*|(\*\.)?[a-z0-9]([-a-z0-9.]*[a-z0-9])?|[0-9a-f]*:[0-9a-f:]+)$/;

export const emulatorSpec = described(
  'Options of our stack. With stack Cloud, only `mediaHosts` and `tracing`.',
  z.object({
    mediaHosts: described(
      'Hosts that links to media may name: `media.shop.svc`, `*.shop.example`, or `*` for all. Without it, links reach every host with a public address; with it, these hosts only, whatever their addresses. Credentials of media providers go to no other host.',
      z.array(z.string().min(1).max(253).regex(LINK_HOST)).min(1).max(64),
    ).optional(),
    tracing: described(
      'Traces of messages, as OTLP over HTTP. The Webapps, Masters and Coreapps of the stack send them, and the network process, with the settings of the first stack of the namespace that has the field.',
      z.object({
        endpoint: described(
          'URL of the collector, without `/v1/traces`, such as `http://tempo.monitoring.svc:4318`.',
          withRules(z.string().min(1).max(512), [
            {
              cel: "self.matches(r'^https?://[^/@]+(/.*)?$')",
              message:
                'emulator.tracing.endpoint must be a URL without credentials, such as http://tempo.monitoring.svc:4318; credentials belong in headersSecretRef',
              check: (url) => /^https?:\/\/[^/@]+(\/.*)?$/.test(url),
            },
          ]),
        ),
        samplingPercent: described(
          'Share of the traces that begin in the stack and are kept. A call that brings a `traceparent` is traced if its caller traces it.',
          z.int().min(0).max(100),
        ).default(100),
        headersSecretRef: secretKeyRef(
          'headers',
          'Secret with the headers of each request to the collector, as `name=value,name=value`, URL-encoded.',
        ).optional(),
      }),
    ).optional(),
    network: described(
      'The network that stands in for the servers of WhatsApp.',
      z.object({
        url: described(
          'Address of an existing network process, tcp://host:port. Without it, the operator runs one.',
          withRules(z.string().min(1).max(512), [
            {
              cel: `self.matches(r'${TCP_ADDRESS}')`,
              message:
                'emulator.network.url must be tcp://host:port, such as tcp://waba-network.shops.svc:5222',
              check: (url) => tcpAddress.test(url),
            },
          ]),
        ).optional(),
        resources: described(
          'Requests and limits of the network process. The stacks of a namespace share the process; the first one that sets the field decides.',
          resources,
        ).optional(),
        podTemplate: described(
          'Changes to the pod of the network process, from the first stack that sets the field.',
          podTemplateOf(OWN_NETWORK_VOLUMES),
        ).optional(),
      }),
    ).optional(),
  }),
);
