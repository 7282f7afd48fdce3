import * as z from 'zod';
import { normaliseRecipient } from '../../../onprem/messages.ts';
import { numberIn } from '../callee.ts';
import type { Graph } from '../graph.ts';
import { GraphFailure } from '../graphFailure.ts';
import { parsed } from '../graphMessageShape.ts';
import { done, type GraphRoute, OBJECT, route } from '../graphRoute.ts';
import { mediaUrl, PICTURE_PATH } from '../mediaUrl.ts';
import { fieldNames } from '../numberFields.ts';
import { personOf } from '../webhookValues.ts';

const settings = z.looseObject({
  user_identity_change: z.looseObject({ enable_identity_key_check: z.boolean() }).optional(),
});

/** Of `vertical`: words in capitals. */
const profile = z.looseObject({
  messaging_product: z.literal('whatsapp'),
  about: z.string().min(1).max(139).optional(),
  address: z.string().max(256).optional(),
  description: z.string().max(512).optional(),
  email: z.union([z.literal(''), z.email().max(128)]).optional(),
  vertical: z
    .string()
    .regex(/^[A-Z_]*$/, 'must be one of the verticals, in capitals')
    .optional(),
  websites: z.array(z.url().max(256)).max(2).optional(),
  profile_picture_handle: z.string().optional(),
});
const PROFILE_FIELDS = ['about', 'address', 'description', 'email', 'vertical', 'websites'] as const;

const users = z.looseObject({
  messaging_product: z.literal('whatsapp'),
  block_users: z
    .array(z.looseObject({ user: z.string() }))
    .min(1)
    .max(1_000),
});

export const settingsRoutes: readonly GraphRoute[] = [
  route(
    { method: 'GET', path: `${OBJECT}/settings`, summary: 'Whether identities of people are checked' },
    async (call, graph) => {
      const { graphSettings } = graph.network.state.known(numberIn(call, graph));
      return Response.json({
        user_identity_change: { enable_identity_key_check: graphSettings?.checksIdentity === true },
      });
    },
  ),
  route(
    {
      method: 'POST',
      path: `${OBJECT}/settings`,
      summary: 'Switches the check of identities on or off',
      note: 'When it is on, webhooks tell `identity_key_hash`.',
    },
    async (call, graph) => {
      const number = numberIn(call, graph);
      const { user_identity_change: check } = parsed(settings, await call.parameters());
      if (check)
        await graph.network.record({
          type: 'graph-settings',
          number,
          change: { checksIdentity: check.enable_identity_key_check },
        });
      return done();
    },
  ),
  route(
    {
      method: 'GET',
      path: `${OBJECT}/whatsapp_business_profile`,
      summary: 'The public profile',
      query: { fields: 'names of fields, with commas' },
    },
    async (call, graph) => {
      const number = numberIn(call, graph);
      const all = profileOf(number, call.origin, graph);
      const wanted = call.query('fields');
      const names = wanted === undefined ? ['about'] : fieldNames(wanted);
      const told = Object.fromEntries(names.filter((name) => name in all).map((name) => [name, all[name]]));
      return Response.json({ data: [{ ...told, messaging_product: 'whatsapp' }] });
    },
  ),
  route(
    {
      method: 'POST',
      path: `${OBJECT}/whatsapp_business_profile`,
      summary: 'Changes fields of the public profile; the picture by the handle of an upload',
    },
    async (call, graph) => {
      const number = numberIn(call, graph);
      const {
        messaging_product: _,
        profile_picture_handle: handle,
        ...change
      } = parsed(profile, await call.parameters());
      const picture = handle === undefined ? undefined : graph.uploads.find(handle);
      if (handle !== undefined && !picture)
        throw new GraphFailure(100, 'Param profile_picture_handle: there is no upload with this handle');
      const { graphSettings } = graph.network.state.known(number);
      const known = Object.entries(change).filter(([name]) => PROFILE_FIELDS.some((field) => field === name));
      await graph.network.record({
        type: 'graph-settings',
        number,
        change: {
          profile: { ...graphSettings?.profile, ...Object.fromEntries(known) },
          ...(picture ? { picture } : {}),
        },
      });
      return done();
    },
  ),
  route(
    { method: 'GET', path: `${OBJECT}/block_users`, summary: 'People whom the number has blocked' },
    async (call, graph) => {
      const { graphSettings } = graph.network.state.known(numberIn(call, graph));
      const data = (graphSettings?.blocked ?? []).map((waId) => ({
        messaging_product: 'whatsapp',
        wa_id: waId,
        user_id: personOf(graph.network, waId).userId,
      }));
      return Response.json({ data });
    },
  ),
  ...(['POST', 'DELETE'] as const).map((method) =>
    route(
      {
        method,
        path: `${OBJECT}/block_users`,
        summary:
          method === 'POST' ? 'Blocks people: nothing that they write arrives' : 'Ends the block of people',
        note: 'Only people who wrote within 24 hours can be blocked at the vendor; here everybody.',
      },
      async (call, graph) => {
        const number = numberIn(call, graph);
        const { block_users: wanted } = parsed(users, await call.parameters());
        const found = wanted.map(({ user }) => ({ input: user, wa_id: waIdOf(user, graph) }));
        const bad = found.filter(({ wa_id }) => wa_id === undefined);
        const waIds = found.flatMap(({ wa_id }) => wa_id ?? []);
        const { graphSettings } = graph.network.state.known(number);
        const others = (graphSettings?.blocked ?? []).filter((waId) => !waIds.includes(waId));
        const blocked = method === 'POST' ? [...others, ...waIds] : others;
        await graph.network.record({ type: 'graph-settings', number, change: { blocked } });
        const done = found.filter(({ wa_id }) => wa_id !== undefined);
        return Response.json({
          messaging_product: 'whatsapp',
          block_users: {
            [method === 'POST' ? 'added_users' : 'removed_users']: done,
            ...(bad.length > 0 ? { failed_users: bad.map(({ input }) => ({ input })) } : {}),
          },
        });
      },
    ),
  ),
];

function waIdOf(user: string, { network }: Graph): string | undefined {
  const digits = normaliseRecipient(user);
  return digits === undefined ? network.people.byUserId(user) : network.state.waIdOf(digits);
}

function profileOf(number: string, origin: string, { network, urlKey }: Graph): Record<string, unknown> {
  const { graphSettings } = network.state.known(number);
  const picture = graphSettings?.picture;
  return {
    ...graphSettings?.profile,
    ...(picture
      ? { profile_picture_url: mediaUrl(urlKey, { origin, path: PICTURE_PATH }, picture, network.now()) }
      : {}),
  };
}
