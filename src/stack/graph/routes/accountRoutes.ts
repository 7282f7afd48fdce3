import * as z from 'zod';
import { handshakeProblem } from '../../network/graphHandshake.ts';
import { type GraphAccount, graphId } from '../../network/graphState.ts';
import type { TemplateEntry } from '../../network/templates.ts';
import { accountIn } from '../callee.ts';
import { GraphFailure } from '../graphFailure.ts';
import { parsed } from '../graphMessageShape.ts';
import { done, type GraphRoute, OBJECT, route } from '../graphRoute.ts';
import { fieldNames, numberFields } from '../numberFields.ts';

const subscription = z.looseObject({
  override_callback_uri: z.string().optional(),
  verify_token: z.string().optional(),
});
const APP = { id: graphId('app'), name: 'Emulated app', link: 'https://www.facebook.com/games/' };
const PAGE = { usual: 25, most: 1_000 } as const;

/** Calls that name a business account, and what the app is that calls. */
export const accountRoutes: readonly GraphRoute[] = [
  route(
    {
      method: 'GET',
      path: '/:version/app',
      summary: 'The app that the access token is of',
      query: { fields: 'names of fields, with commas' },
    },
    async (call) => {
      const wanted = call.query('fields');
      return Response.json(only(APP, wanted === undefined ? ['name', 'link'] : fieldNames(wanted)));
    },
  ),
  route(
    {
      method: 'GET',
      path: `${OBJECT}/subscribed_apps`,
      summary: 'Whether the app gets the webhooks of the account, and where',
    },
    async (call, graph) => {
      const { id } = accountIn(call, graph);
      const { isSubscribed, callback } = graph.network.state.graph.accounts.get(id) ?? USUAL;
      const app = {
        whatsapp_business_api_data: APP,
        ...(callback ? { override_callback_uri: callback.url } : {}),
      };
      return Response.json({ data: isSubscribed ? [app] : [] });
    },
  ),
  route(
    {
      method: 'POST',
      path: `${OBJECT}/subscribed_apps`,
      summary: 'Subscribes the app to the webhooks of the account, also at another URL',
      note: 'The URL has to answer with `hub.challenge`. Without one, webhooks go to that of the app. A URL of a number stands over both: `POST /{phone number id}` with `webhook_configuration`.',
    },
    async (call, graph) => {
      const { id } = accountIn(call, graph);
      const { override_callback_uri: url, verify_token: verifyToken = '' } = parsed(
        subscription,
        await call.parameters(),
      );
      const callback = url === undefined ? undefined : { url, verifyToken };
      const { network } = graph;
      if (callback) {
        const problem = await handshakeProblem(callback, network.clock, graph.signal, graph.fetch);
        if (problem !== undefined)
          throw new GraphFailure(2200, `(#2200) Callback verification failed: ${problem}`);
      }
      await network.record({ type: 'graph-account', id, account: { isSubscribed: true, callback } });
      return done();
    },
  ),
  route(
    {
      method: 'DELETE',
      path: `${OBJECT}/subscribed_apps`,
      summary: 'Ends the subscription: webhooks are dropped',
    },
    async (call, graph) => {
      const { id } = accountIn(call, graph);
      await graph.network.record({ type: 'graph-account', id, account: { isSubscribed: false } });
      return done();
    },
  ),
  route(
    {
      method: 'GET',
      path: `${OBJECT}/phone_numbers`,
      summary: 'The numbers of the account',
      query: { fields: 'names of fields, with commas' },
    },
    async (call, graph) => {
      const { numbers } = accountIn(call, graph);
      const data = numbers.map((number) => numberFields(graph, number, call.query('fields')));
      return Response.json({ data, paging: {} });
    },
  ),
  route(
    {
      method: 'GET',
      path: `${OBJECT}/message_templates`,
      summary: 'The reviewed templates',
      note: 'Templates are made at the control port: `PUT /numbers/{number}/templates`. Filters `name`, `language`, `status`, `category`; pages with `limit` and `after`.',
      query: { fields: 'names of fields', limit: 'of a page', after: 'cursor' },
    },
    async (call, graph) => {
      const { numbers } = accountIn(call, graph);
      const wanted = call.query('fields');
      const all = numbers
        .flatMap((number) => graph.network.state.known(number).templates ?? [])
        .map(templateAnswer)
        .filter((template) =>
          (['name', 'language', 'status', 'category'] as const).every(
            (field) => (call.query(field) ?? template[field]) === template[field],
          ),
        );
      const from = Number(Buffer.from(call.query('after') ?? '', 'base64url').toString()) || 0;
      const limit = Math.min(PAGE.most, Math.max(1, Number(call.query('limit')) || PAGE.usual));
      const page = all.slice(from, from + limit);
      const cursor = (at: number) => Buffer.from(String(at)).toString('base64url');
      return Response.json({
        data: page.map((template) => (wanted === undefined ? template : only(template, fieldNames(wanted)))),
        ...(page.length === 0
          ? {}
          : { paging: { cursors: { before: cursor(from), after: cursor(from + page.length) } } }),
      });
    },
  ),
];

const USUAL: GraphAccount = { isSubscribed: true };

const only = (all: Readonly<Record<string, unknown>>, names: readonly string[]): object =>
  Object.fromEntries(Object.entries(all).filter(([name]) => name === 'id' || names.includes(name)));

function templateAnswer({
  namespace,
  name,
  language,
  status,
  category = 'utility',
  ...parts
}: TemplateEntry) {
  const { header, body, footer, buttons } = parts;
  return {
    name,
    language,
    status: status.toUpperCase(),
    category: category.toUpperCase(),
    id: graphId(`template ${namespace} ${name} ${language}`),
    parameter_format: 'POSITIONAL',
    components: [
      ...(header === undefined ? [] : [{ type: 'HEADER', format: 'TEXT', text: header }]),
      ...(body === undefined ? [] : [{ type: 'BODY', text: body }]),
      ...(footer === undefined ? [] : [{ type: 'FOOTER', text: footer }]),
      ...(buttons === undefined
        ? []
        : [{ type: 'BUTTONS', buttons: buttons.map((text) => ({ type: 'QUICK_REPLY', text })) }]),
    ],
  };
}
