import { z } from 'zod';
import { SHARD_COUNTS } from '../../onprem/account.ts';
import { described, planned, podTemplate, resources, withRules } from './fields.ts';

export const multiconnectSpec = described(
  'How many shards the number is split into, and how many spare Coreapps stand by.',
  withRules(
    z.object({
      shards: described(
        'Shards: 1, 2, 4, 8, 16 or 32. One Coreapp serves one shard.',
        z.int().min(1).max(32),
      ).default(1),
      standbys: described(
        'Coreapps beyond the shards; each survives one failure.',
        z.int().min(0).max(32),
      ).default(1),
      allowReRegistration: described(
        'Allow a shard change more than 7 days after registration, which disconnects the number.',
        z.boolean(),
      ).default(false),
    }),
    [
      {
        cel: 'self.shards in [1, 2, 4, 8, 16, 32]',
        message: 'shards must be 1, 2, 4, 8, 16 or 32',
        check: ({ shards }) => SHARD_COUNTS.some((count) => count === shards),
      },
    ],
  ),
);

export const capacitySpec = described(
  'Plans shards, nodes and sizes from a throughput, instead of `multiconnect`.',
  z.object({
    messagesPerSecond: described(
      'Messages per second, up to the vendor maximum of 250.',
      z.int().min(1).max(250),
    ),
  }),
);

const autoscaling = planned(
  described(
    'Scales the Webapps on CPU. Excludes `replicas`.',
    withRules(
      z.object({
        minReplicas: z.int().min(1).max(32).default(2),
        maxReplicas: z.int().min(1).max(32),
        targetCPUUtilizationPercentage: z.int().min(1).max(100).default(60),
      }),
      [
        {
          cel: 'self.minReplicas <= self.maxReplicas',
          message: 'minReplicas must not be greater than maxReplicas',
          check: ({ minReplicas, maxReplicas }) => minReplicas <= maxReplicas,
        },
      ],
    ),
  ),
);

export const nodesSpec = described(
  'The nodes of the stack, by role.',
  z
    .object({
      webapp: described(
        'Webapps: the HTTPS API.',
        withRules(
          z
            .object({
              replicas: described(
                'Number of Webapps. Default 2 in HighAvailability, 1 in Single.',
                z.int().min(0).max(32),
              ),
              autoscaling,
              resources,
              podTemplate,
            })
            .partial(),
          [
            {
              cel: '!(has(self.replicas) && has(self.autoscaling))',
              message: 'set either replicas or autoscaling, not both',
              check: ({ replicas, autoscaling: scaling }) => replicas === undefined || scaling === undefined,
            },
          ],
        ),
      ),
      master: described(
        'Masters: registration, schema, shard map. None in Single.',
        z
          .object({
            replicas: described('Number of Masters. Default 2 in HighAvailability.', z.int().min(1).max(8)),
            resources,
            podTemplate,
          })
          .partial(),
      ),
      coreapp: described(
        'Coreapps: sessions, messages, webhooks. Their number is shards + standbys.',
        z.object({ resources, podTemplate }).partial(),
      ),
    })
    .partial(),
);
