import * as z from 'zod';
import type { FaultRules } from '../faultRules.ts';
import { graphFault, webhookFault } from '../graphFaults.ts';
import { handshakeProblem } from '../graphHandshake.ts';
import { graphStatusOf } from '../graphSide.ts';
import { GRAPH_STATUSES, type GraphRegistration, graphIds } from '../graphState.ts';
import type { Network } from '../network.ts';
import { ControlProblem, type ControlRoute, idIn, numberIn, route } from './controlRoute.ts';

const MOST_FAULTS = 1_000;
const id = z.string().regex(/^\d{5,20}$/, 'must be digits');
const callback = z.strictObject({ url: z.string(), verifyToken: z.string() });
const tokens = z
  .array(z.strictObject({ token: z.string().min(1).max(512), isExpired: z.boolean().optional() }))
  .max(100);

const numberChange = z
  .strictObject({
    phoneNumberId: id,
    businessAccountId: id,
    status: z.enum(GRAPH_STATUSES),
    verifiedName: z.string().max(256),
    nameStatus: z.string().max(64),
    throughput: z.enum(['STANDARD', 'HIGH']),
    isVerified: z.boolean(),
    takesAnyCode: z.boolean(),
  })
  .partial();

const numberAnswer = z.object({
  number: z.string(),
  phoneNumberId: z.string(),
  businessAccountId: z.string(),
  status: z.enum(GRAPH_STATUSES),
  /** The code that `request_code` has sent. */
  code: z.string().optional(),
  /** Where its webhooks go, by its own subscription or that of its account. */
  override: z.string().optional(),
  /** Changes that no webhook has taken yet. */
  pendingChanges: z.int(),
});

/** The simulated Graph API: its numbers, its webhook, its faults. */
export const graphRoutes: readonly ControlRoute[] = [
  route(
    {
      method: 'GET',
      path: '/graph',
      summary: 'The simulated Graph API: how numbers are shared, its numbers with their ids, and the app',
      answer: z.object({
        mode: z.enum(['both', 'exclusive']),
        callback: z.object({ url: z.string() }).optional(),
        strictTokens: z.boolean(),
        numbers: z.array(numberAnswer),
      }),
    },
    async (_, network) => {
      const { app } = network.state.graph;
      return {
        mode: modeOf(network),
        ...(app.callback ? { callback: { url: app.callback.url } } : {}),
        strictTokens: Boolean(app.tokens),
        numbers: [...network.state.numbers.keys()].map((number) => aboutNumber(number, network)),
      };
    },
  ),
  route(
    {
      method: 'PUT',
      path: '/graph/app',
      summary:
        'Sets what the dashboard of the app sets: webhook, app secret, access tokens; an absent field stays',
      note: 'The webhook has to answer with hub.challenge. With tokens, only these are taken; null takes any.',
      body: z
        .strictObject({
          callback: callback.nullable(),
          appSecret: z.string().min(1).max(256),
          tokens: tokens.nullable(),
        })
        .partial(),
    },
    async ({ body, request }, network) => {
      modeOf(network);
      if (body.callback) {
        const problem = await handshakeProblem(body.callback, network.clock, request.signal);
        if (problem !== undefined) throw new ControlProblem(400, problem);
      }
      const { callback: webhook, appSecret, tokens: taken } = body;
      await network.record({
        type: 'graph-app',
        change: {
          ...(webhook === undefined ? {} : { callback: webhook }),
          ...(appSecret === undefined ? {} : { appSecret }),
          ...(taken === undefined ? {} : { tokens: taken }),
        },
      });
    },
  ),
  route(
    {
      method: 'PUT',
      path: '/graph/numbers/:number',
      summary: 'Adds a number to the Graph API, or changes what it says of one; an absent field stays',
      note: 'With takesAnyCode, any code verifies the number.',
      body: numberChange,
    },
    async ({ body, ...call }, network) => {
      const number = numberIn(call, 'number');
      modeOf(network);
      await network.record({ type: 'graph-number', number, change: body as GraphRegistration });
    },
  ),
  route(
    {
      method: 'POST',
      path: '/graph/numbers/:number/changes',
      summary: 'Posts a change of any field to the webhook of the number, signed as every other',
      note: 'For what the simulation does not do by itself: account_update, message_template_status_update, phone_number_quality_update and others.',
      body: z.strictObject({ field: z.string().min(1).max(64), value: z.record(z.string(), z.unknown()) }),
    },
    async ({ body, ...call }, network) => {
      const number = numberIn(call, 'number');
      modeOf(network);
      await network.tellGraph(number, body);
    },
  ),
  ...faultRoutes(
    '/graph/faults',
    'of calls of the Graph API',
    graphFault,
    ({ graphFaults }) => graphFaults.calls,
  ),
  ...faultRoutes(
    '/graph/webhook-faults',
    'of webhooks of the Graph API',
    webhookFault,
    ({ graphFaults }) => graphFaults.webhooks,
  ),
];

/** @throws ControlProblem 404 if there is no Graph API */
function modeOf({ graphMode }: Network) {
  if (graphMode !== undefined) return graphMode;
  throw new ControlProblem(
    404,
    'the Graph API is off: start the emulator without --graph off, or the network process with WABA_GRAPH_PORT',
  );
}

function aboutNumber(number: string, network: Network) {
  const known = network.state.known(number);
  const { phoneNumberId, businessAccountId } = graphIds(number, known.graph);
  const account = network.state.graph.accounts.get(businessAccountId);
  const override = known.graph?.callback ?? account?.callback;
  return {
    number,
    phoneNumberId,
    businessAccountId,
    status: graphStatusOf(known, modeOf(network)),
    ...(known.graph?.code === undefined ? {} : { code: known.graph.code }),
    ...(override ? { override: override.url } : {}),
    pendingChanges: known.changes?.length ?? 0,
  };
}

type Rules = FaultRules<Parameters<FaultRules<never, never>['add']>[0], never>;

/** List, replace, add and end faults of one kind. */
function faultRoutes<F extends z.ZodObject>(
  path: string,
  what: string,
  fault: F,
  rulesOf: (network: Network) => unknown,
): ControlRoute[] {
  const rules = (network: Network) => rulesOf(network) as Rules;
  return [
    route(
      {
        method: 'GET',
        path,
        summary: `Faults ${what}, with how many each has met`,
        answer: z.object({ faults: z.array(fault.safeExtend({ id: z.int(), met: z.int() })) }),
      },
      async (_, network) => ({ faults: rules(network).list() as never }),
    ),
    route(
      { method: 'PUT', path, summary: `Replaces all faults ${what}`, body: z.array(fault).max(MOST_FAULTS) },
      async ({ body }, network) => rules(network).set(body as never),
    ),
    route(
      {
        method: 'POST',
        path,
        summary: `Adds a fault ${what}, which applies to what no earlier one meets`,
        body: fault,
        answer: z.object({ id: z.int() }),
        status: 201,
      },
      async ({ body }, network) => {
        if (rules(network).list().length >= MOST_FAULTS)
          throw new ControlProblem(400, `there are ${MOST_FAULTS} faults already; PUT ${path} replaces them`);
        return { id: rules(network).add(body as never) };
      },
    ),
    route(
      { method: 'DELETE', path: `${path}/:id`, summary: `Ends a fault ${what}` },
      async (call, network) => {
        const wanted = idIn(call);
        if (!rules(network).remove(wanted))
          throw new ControlProblem(404, `there is no fault ${wanted}; GET ${path} lists them`);
      },
    ),
  ];
}
