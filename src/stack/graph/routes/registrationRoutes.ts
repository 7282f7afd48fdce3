import { randomInt } from 'node:crypto';
import * as z from 'zod';
import { graphStatusOf } from '../../network/graphSide.ts';
import { numberIn } from '../callee.ts';
import type { Graph } from '../graph.ts';
import { GraphFailure } from '../graphFailure.ts';
import { parsed } from '../graphMessageShape.ts';
import { done, type GraphRoute, OBJECT, route } from '../graphRoute.ts';

/** Calls of `register` for one number. Source: docs/onprem/cloud-migration.md §11. */
const REGISTRATIONS = { most: 10, withinMs: 72 * 3_600_000 } as const;

const codeRequest = z.looseObject({
  code_method: z.enum(['SMS', 'VOICE']),
  language: z.string().regex(/^[a-z]{2,3}(_[A-Z]{2})?$/, 'must be a language or locale, en or en_US'),
});
const verification = z.looseObject({ code: z.coerce.string() });
const registration = z.looseObject({
  messaging_product: z.literal('whatsapp'),
  pin: z.string().regex(/^\d{6}$/, 'must be six digits'),
  backup: z.looseObject({ data: z.string().min(1), password: z.string().min(1) }).optional(),
  data_localization_region: z.string().length(2).optional(),
});

export const registrationRoutes: readonly GraphRoute[] = [
  route(
    {
      method: 'POST',
      path: `${OBJECT}/request_code`,
      summary: 'Sends a code to the number, which the page and `GET /graph/numbers` of the control API show',
    },
    async (call, graph) => {
      const number = numberIn(call, graph);
      parsed(codeRequest, await call.parameters());
      const code = String(randomInt(1_000_000)).padStart(6, '0');
      await graph.network.record({ type: 'graph-number', number, change: { code } });
      return done();
    },
  ),
  route(
    { method: 'POST', path: `${OBJECT}/verify_code`, summary: 'Verifies the number by its code' },
    async (call, graph) => {
      const number = numberIn(call, graph);
      const { code } = parsed(verification, await call.parameters());
      const { graph: known } = graph.network.state.known(number);
      const isRight =
        known?.takesAnyCode === true || (known?.code !== undefined && known.code === code.replace('-', ''));
      if (!isRight) throw new GraphFailure(136025, 'The code is wrong');
      await graph.network.record({ type: 'graph-number', number, change: { isVerified: true } });
      return done();
    },
  ),
  route(
    {
      method: 'POST',
      path: `${OBJECT}/register`,
      summary: 'Connects the number, with its PIN or a new one',
      note: 'With `backup` the number needs no code; what is in the backup is not read. In the mode `exclusive` the On-Premises registration ends, also when the PIN is wrong.',
    },
    async (call, graph) => {
      const number = numberIn(call, graph);
      await register(number, parsed(registration, await call.parameters()), graph);
      return done();
    },
  ),
  route(
    {
      method: 'POST',
      path: `${OBJECT}/deregister`,
      summary: 'Disconnects the number: sending is refused with 133010',
    },
    async (call, graph) => {
      const number = numberIn(call, graph);
      await graph.network.record({ type: 'graph-number', number, change: { status: 'DISCONNECTED' } });
      return done();
    },
  ),
];

async function register(
  number: string,
  { pin, backup }: z.output<typeof registration>,
  { network }: Graph,
): Promise<void> {
  const known = network.state.known(number);
  const now = network.now();
  const lately = (known.graph?.registeredAt ?? []).filter((at) => now - at < REGISTRATIONS.withinMs);
  if (lately.length >= REGISTRATIONS.most)
    throw new GraphFailure(133016, `${REGISTRATIONS.most} registrations within 72 hours are allowed`);
  const registeredAt = [...lately, now];
  await network.record({ type: 'graph-number', number, change: { registeredAt } });
  const isMoved = network.graphMode === 'exclusive' && known.registrationKey !== undefined;
  const isConnected = graphStatusOf(known, network.graphMode ?? 'both') === 'CONNECTED';
  if (backup === undefined && known.graph?.isVerified !== true && !isConnected)
    throw new GraphFailure(
      133006,
      'Verify the phone number before: POST /{phone number id}/request_code and verify_code',
    );
  if (isMoved) await network.endRegistration(number, 'the number moved to the Cloud API');
  if (known.pin !== undefined && known.pin !== pin)
    throw new GraphFailure(133005, 'The PIN is not that of the number');
  await network.record(
    { type: 'pin', number, pin },
    { type: 'graph-number', number, change: { status: 'CONNECTED', isVerified: true } },
  );
}
