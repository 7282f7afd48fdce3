import * as z from 'zod';
import { described, listOf, passThrough } from './fields.ts';

export const networkPolicySpec = described(
  'NetworkPolicies for the pods of each role. They need a network plugin that enforces them.',
  z.object({
    enabled: described(
      'Without it, the operator limits who connects to Masters, Coreapps and a managed database, unless the role has sidecars, whose ports it does not know. true: for every role, with sidecars too. false: no NetworkPolicy.',
      z.boolean(),
    ).optional(),
    allowFrom: listOf(
      passThrough('A peer, as in a NetworkPolicy.'),
      32,
      'Who may connect to the Webapps besides the operator, the stack itself and the namespaces of the Gateways of `exposure`, as `from` of a NetworkPolicy. Without it, everybody may. Name Prometheus here, and proxies that run in another namespace than their Gateway.',
    ).optional(),
    egress: listOf(
      passThrough('A rule, as in a NetworkPolicy.'),
      32,
      'Limits what Webapps, Masters and Coreapps connect to: DNS, each other, the database, the network process, the webhook receiver, and public addresses; and what these rules add, as `egress` of a NetworkPolicy. An empty list adds nothing. Name here what has a private address and is neither a Service of the cluster nor given by its address. Without it, they may connect to everything.',
    ).optional(),
  }),
);
