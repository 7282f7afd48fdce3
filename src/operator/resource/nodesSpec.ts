import * as z from 'zod';
import { SHARD_COUNTS } from '../../onprem/account.ts';
import { described, resources, withRules } from './fields.ts';
import { podTemplate } from './podTemplateSpec.ts';

export const multiconnectSpec = described(
  'Number of shards and of standby Coreapps.',
  withRules(
    z.object({
      shards: described(
        'Number of shards: 1, 2, 4, 8, 16 or 32. Each shard is served by one Coreapp.',
        z.int().min(1).max(32),
      ).default(1),
      standbys: described(
        'Number of Coreapps beyond one per shard. Each standby can replace one failed Coreapp.',
        z.int().min(0).max(32),
      ).default(1),
      allowReRegistration: described(
        'Allow the number of shards to change more than 7 days after registration, although this disconnects the phone number.',
        z.boolean(),
      ).default(false),
    }),
    [
      {
        cel: 'self.shards in [1, 2, 4, 8, 16, 32]',
        message: 'multiconnect.shards must be 1, 2, 4, 8, 16 or 32',
        check: ({ shards }) => SHARD_COUNTS.some((count) => count === shards),
      },
    ],
  ),
);

export const capacitySpec = described(
  'Expected throughput, from which the operator chooses shards, standbys and resources. Excludes `multiconnect`.',
  z.object({
    messagesPerSecond: described(
      'Messages per second. The vendor supports at most 250.',
      z.int().min(1).max(250),
    ),
  }),
);

/** Metric that an adapter serves unless spec names another. docs/scaling.md has the rule for prometheus-adapter. */
const REQUESTS_METRIC = 'waba_stack_requests_per_second';

const requestsPerSecond = described(
  'Scale by requests to the API as well, which a metrics adapter serves as a metric of the WhatsAppDeployment. Without an adapter, leave it out: the autoscaler then removes no Webapp.',
  z.object({
    averageValue: described('Requests per second and Webapp to keep.', z.int().min(1).max(100_000)),
    metricName: described(
      'Name of the metric in `custom.metrics.k8s.io`.',
      z
        .string()
        .min(1)
        .max(253)
        .regex(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/),
    ).default(REQUESTS_METRIC),
  }),
);

const autoscaling = described(
  'Let a HorizontalPodAutoscaler choose the number of Webapps. Excludes `replicas`, and needs topology HighAvailability.',
  withRules(
    z.object({
      minReplicas: described('Least number of Webapps.', z.int().min(1).max(32)).default(2),
      maxReplicas: described('Largest number of Webapps.', z.int().min(1).max(32)),
      targetCPUUtilizationPercentage: described(
        'Mean CPU utilization of the Webapps to keep, in percent of what they request; containers that you add do not count.',
        z.int().min(1).max(100),
      ).default(60),
      requestsPerSecond: requestsPerSecond.optional(),
      scaleDownStabilizationSeconds: described(
        'How long the load must be lower before a Webapp goes. Then at most one goes each minute.',
        z.int().min(0).max(3600),
      ).default(300),
    }),
    [
      {
        cel: 'self.minReplicas <= self.maxReplicas',
        message: 'autoscaling.minReplicas must not be greater than autoscaling.maxReplicas',
        check: ({ minReplicas, maxReplicas }) => minReplicas <= maxReplicas,
      },
    ],
  ),
);

export const nodesSpec = described(
  'The nodes of the stack, by role.',
  z
    .object({
      webapp: described(
        'Webapps, which serve the HTTPS API.',
        withRules(
          z
            .object({
              replicas: described(
                'Number of Webapps. Default: 2 with topology HighAvailability, 1 with Single.',
                z.int().min(0).max(32),
              ),
              autoscaling,
              resources,
              podTemplate,
            })
            .partial(),
          [
            {
              cel: '!has(self.autoscaling) || !has(self.resources) || (has(self.resources.requests) && has(self.resources.requests.cpu)) || (has(self.resources.limits) && has(self.resources.limits.cpu))',
              message:
                'autoscaling measures CPU in percent of the request; set nodes.webapp.resources.requests.cpu, or remove nodes.webapp.resources',
              check: ({ resources: own, autoscaling: scaling }) =>
                scaling === undefined ||
                own === undefined ||
                own.requests?.cpu !== undefined ||
                own.limits?.cpu !== undefined,
            },
            {
              cel: '!(has(self.replicas) && has(self.autoscaling))',
              message: 'set either nodes.webapp.replicas or nodes.webapp.autoscaling, not both',
              check: ({ replicas, autoscaling: scaling }) => replicas === undefined || scaling === undefined,
            },
          ],
        ),
      ),
      master: described(
        'Masters, which assign shards to Coreapps. Topology Single has none.',
        z
          .object({
            replicas: described(
              'Number of Masters. Default: 2 with topology HighAvailability.',
              z.int().min(1).max(8),
            ),
            resources,
            podTemplate,
          })
          .partial(),
      ),
      schema: described(
        'The Job that upgrades the schema of the database.',
        z
          .object({
            resources,
            podTemplate: described('Changes to the pod of the Job.', podTemplate.omit({ sidecars: true })),
          })
          .partial(),
      ),
      coreapp: described(
        'Coreapps, which send and receive messages and call the webhook. There are shards + standbys of them.',
        z.object({ resources, podTemplate }).partial(),
      ),
    })
    .partial(),
);
