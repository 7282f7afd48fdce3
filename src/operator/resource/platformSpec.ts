import { z } from 'zod';
import { storageSpec } from './databaseSpec.ts';
import { described, listByName, planned, secretRef, stringMap, text, withRules } from './fields.ts';

/** What the stack needs from the cluster around it. */

export const mediaSpec = described(
  'The shared media folder of Webapps and Coreapps.',
  withRules(
    z.object({
      storage: described(
        'The claim that is made.',
        storageSpec('10Gi').extend({
          accessMode: described(
            'ReadWriteMany, or ReadWriteOnce where all nodes run on one machine.',
            z.enum(['ReadWriteMany', 'ReadWriteOnce']),
          ).default('ReadWriteMany'),
        }),
      ).optional(),
      claimName: text(253, 'An existing claim, instead of storage.').optional(),
      providers: listByName(
        z.object({
          name: described('Name used in messages.', z.string().min(1).max(200)),
          type: z.enum(['www']).default('www'),
          credentialsSecretRef: secretRef('Secret with `username` and `password`, or `bearer`.'),
        }),
        32,
        'Credentials for media links.',
      ).optional(),
      garbageCollection: described(
        'When unused media is collected.',
        z.object({ schedule: text(128, 'Cron schedule.').optional() }),
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

export const tlsSpec = described(
  'Certificate of the HTTPS API. Without it the stack generates its own, whose CA is read once and pinned.',
  withRules(
    z.object({
      secretRef: secretRef('Secret of type kubernetes.io/tls.').optional(),
      issuerRef: described(
        'A cert-manager issuer.',
        z.object({
          name: text(253, 'Name of the issuer.'),
          kind: z.enum(['Issuer', 'ClusterIssuer']).default('Issuer'),
        }),
      ).optional(),
      selfSigned: described(
        'An authority of our own signs it, and it is renewed in time.',
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
    annotations: stringMap(32, 'Annotations of the Service.').optional(),
    ports: described(
      'Ports of the Service.',
      z.object({ https: described('Port of the API.', z.int().min(1).max(65_535)).default(443) }),
    ).optional(),
  }),
);

export const exposureSpec = planned(
  described(
    'Reach the API from outside the cluster.',
    withRules(
      z.object({
        ingress: z
          .object({ host: text(253, 'Host name.'), className: text(253, 'Ingress class.').optional() })
          .optional(),
        httpRoute: z
          .object({ host: text(253, 'Host name.'), gateway: text(253, 'Name of the Gateway.') })
          .optional(),
      }),
      [
        {
          cel: 'has(self.ingress) != has(self.httpRoute)',
          message: 'set exactly one of exposure.ingress and exposure.httpRoute',
          check: ({ ingress, httpRoute }) => (ingress === undefined) !== (httpRoute === undefined),
        },
      ],
    ),
  ),
);

export const networkPolicySpec = planned(
  described('Network policies per role.', z.object({ enabled: z.boolean().default(true) })),
);

export const backupSpec = planned(
  described(
    'Scheduled backups of registration and settings.',
    z.object({
      schedule: text(128, 'Cron schedule.'),
      retention: z.int().min(1).max(365).default(7),
      destination: described('Where they go.', z.object({ claimName: text(253, 'A claim.').optional() })),
    }),
  ),
);

export const upgradeSpec = described(
  'How versions and templates change.',
  z.object({
    mode: planned(described('Automatic, or wait for approval.', z.enum(['Automatic', 'Manual'])), [
      'Manual',
    ]).default('Automatic'),
    strategy: planned(described('Rolling, or stop the stack first.', z.enum(['Rolling', 'Stop'])), [
      'Stop',
    ]).default('Rolling'),
    operatorChanges: described(
      'Whether a change that only a new operator makes waits for the next roll, or rolls at once.',
      z.enum(['Hold', 'Immediately']),
    ).default('Hold'),
    window: planned(text(128, 'Cron expression of the maintenance window.')).optional(),
    deadlineSeconds: planned(z.int().min(60).max(86_400)).optional(),
  }),
);

export const monitoringSpec = described(
  'Monitoring objects; the counters of every stack are at the metrics port of the operator, too.',
  z.object({
    podMonitor: described(
      'A PodMonitor for the Webapps, where the Prometheus operator is installed.',
      z.boolean(),
    ).default(false),
  }),
);

export const emulatorSpec = described(
  'Options of the Emulator stack.',
  z.object({
    network: described(
      'What stands for the servers of WhatsApp.',
      z.object({
        type: planned(described('Simulated.', z.enum(['Simulated', 'Cloud'])), ['Cloud']).default(
          'Simulated',
        ),
        url: described(
          'A network process that is already there, tcp://host:port.',
          z
            .string()
            .min(1)
            .max(512)
            .regex(/^tcp:\/\/[^\s/]+$/),
        ).optional(),
      }),
    ).optional(),
  }),
);
