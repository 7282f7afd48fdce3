import * as z from 'zod';
import { handshakeProblem } from '../../network/graphHandshake.ts';
import { isGraphMediaOver } from '../../network/graphState.ts';
import { accountIn, numberIn } from '../callee.ts';
import type { Graph } from '../graph.ts';
import { GraphFailure, unknownObject } from '../graphFailure.ts';
import { parsed } from '../graphMessageShape.ts';
import { done, type GraphCall, type GraphRoute, OBJECT, route } from '../graphRoute.ts';
import { mediaUrl } from '../mediaUrl.ts';
import { numberFields } from '../numberFields.ts';
import { takeUploadPart, uploadState } from './uploadRoutes.ts';

const change = z.looseObject({
  pin: z
    .string()
    .regex(/^\d{6}$/, 'must be six digits')
    .optional(),
  webhook_configuration: z
    .looseObject({ override_callback_uri: z.string(), verify_token: z.string().default('') })
    .optional(),
});

/** What is behind an id alone: a number, a business account, media, an upload. */
export const objectRoutes: readonly GraphRoute[] = [
  route(
    {
      method: 'GET',
      path: OBJECT,
      summary: 'Fields of a number or a business account, the URL of media, the state of an upload',
      query: { fields: 'names of fields, with commas' },
    },
    async (call, graph) => {
      const id = call.parameter('object');
      if (id.startsWith('upload:')) return Response.json(uploadState(id, graph));
      const media = await mediaAnswer(id, call, graph);
      if (media) return Response.json(media);
      const number = graph.numbers.byPhoneNumberId(id);
      if (number !== undefined) return Response.json(numberFields(graph, number, call.query('fields')));
      const account = accountIn(call, graph);
      return Response.json({
        id: account.id,
        name: 'Emulated business',
        currency: 'USD',
        timezone_id: '1',
        message_template_namespace: templatesNamespace(account.numbers, graph),
      });
    },
  ),
  route(
    {
      method: 'POST',
      path: OBJECT,
      summary: 'Sets the PIN of a number or its own webhook; sends a part of an upload',
      note: 'The PIN cannot be switched off.',
    },
    async (call, graph) => {
      const id = call.parameter('object');
      if (id.startsWith('upload:')) return Response.json(await takeUploadPart(id, call, graph));
      const number = numberIn(call, graph);
      const { pin, webhook_configuration: webhook } = parsed(change, await call.parameters());
      if (pin === undefined && webhook === undefined)
        throw new GraphFailure(100, 'The parameter pin or webhook_configuration is required.');
      const { network } = graph;
      if (pin !== undefined) await network.record({ type: 'pin', number, pin });
      if (webhook) {
        const { override_callback_uri: url, verify_token: verifyToken } = webhook;
        const callback = url === '' ? null : { url, verifyToken };
        if (callback) {
          const problem = await handshakeProblem(callback, network.clock, graph.signal, graph.fetch);
          if (problem !== undefined)
            throw new GraphFailure(2200, `(#2200) Callback verification failed: ${problem}`);
        }
        await network.record({ type: 'graph-number', number, change: { callback } });
      }
      return done();
    },
  ),
  route({ method: 'DELETE', path: OBJECT, summary: 'Deletes media' }, async (call, { network }) => {
    const id = call.parameter('object');
    if (!network.state.graph.media.has(id)) throw unknownObject(id, 'delete');
    await network.record({ type: 'graph-media-removed', ids: [id] });
    return done();
  }),
];

const templatesNamespace = (numbers: readonly string[], { network }: Graph): string | undefined =>
  numbers.flatMap((number) => network.state.known(number).templates ?? [])[0]?.namespace;

/** Undefined for an id of no media. */
async function mediaAnswer(id: string, { origin }: GraphCall, { network, urlKey }: Graph) {
  const media = network.state.graph.media.get(id);
  if (!media || isGraphMediaOver(media, network.now())) return undefined;
  return {
    messaging_product: 'whatsapp',
    url: mediaUrl(urlKey, { origin }, media, network.now()),
    mime_type: media.type,
    sha256: Buffer.from(media.sha256, 'hex').toString('base64'),
    file_size: String((await network.media.size(media.sha256)) ?? 0),
    id,
  };
}
