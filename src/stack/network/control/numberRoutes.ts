import * as z from 'zod';
import { catalog } from '../catalog.ts';
import { chatMessage } from '../chats.ts';
import { inbound, personalMessage } from '../inboundMessage.ts';
import { messagingLimits } from '../messagingLimits.ts';
import type { Network } from '../network.ts';
import { networkFaults } from '../networkFaults.ts';
import { recordedCallback } from '../recording.ts';
import { templateEntry } from '../templates.ts';
import { ControlProblem, type ControlRoute, defined, numberIn, route } from './controlRoute.ts';

const NUMBER = '/numbers/:number';
/** Holds media of 24 MB in base64. Videos and recordings have at most 16 MB. */
const LARGEST_MESSAGE_BYTES = 32 * 1024 * 1024;
/** Holds 10,000 templates or products. */
const LARGEST_LIST_BYTES = 8 * 1024 * 1024;

/** Numbers that the network remembers. */
const MOST_NUMBERS = 10_000;

/** The number that a call changes. @throws ControlProblem 400 for what is none, and when there are too many */
function numberOf(call: Parameters<typeof numberIn>[0], { state }: Network): string {
  const number = numberIn(call, 'number');
  if (!state.numbers.has(number) && state.numbers.size >= MOST_NUMBERS)
    throw new ControlProblem(400, `the network knows ${MOST_NUMBERS} numbers already`);
  return number;
}

const numberAnswer = z.object({
  number: z.string(),
  vname: z.string(),
  registered: z.boolean(),
  registrations: z.int(),
  codeRequests: z.int(),
  /** The code that the number waits for, where its certificate names none. */
  code: z.string().optional(),
  hasPin: z.boolean(),
  limits: messagingLimits,
  pendingEvents: z.int(),
});
const chatAnswer = z.object({
  waId: z.string(),
  profileName: z.string().optional(),
  last: chatMessage.optional(),
});
const recordingAnswer = z.object({
  number: z.string(),
  isOn: z.boolean(),
  startedAt: z.iso.datetime().optional(),
  callbacks: z.array(recordedCallback).readonly(),
});

/** Business numbers: what they know, their chats, and how the network treats them. */
export const numberRoutes: readonly ControlRoute[] = [
  route(
    {
      method: 'GET',
      path: '/numbers',
      summary: 'Business numbers, and the registration code that a number waits for',
      answer: z.object({ numbers: z.array(numberAnswer) }),
    },
    async (_, { state }) => ({
      numbers: [...state.numbers].map(([number, known]) => ({
        number,
        vname: known.vname,
        registered: known.registrationKey !== undefined,
        registrations: known.registrations,
        codeRequests: known.codeRequests,
        code: known.code,
        hasPin: known.pin !== undefined,
        limits: state.limits(number),
        pendingEvents: known.events.length,
      })),
    }),
  ),
  route(
    {
      method: 'POST',
      path: `${NUMBER}/messages`,
      summary: 'A person writes to the number',
      note: 'a text as {"from", "text"}, any other type with its content; media with its bytes in data (base64) and mime_type',
      body: inbound,
      largestBodyBytes: LARGEST_MESSAGE_BYTES,
      answer: z.object({ id: z.string() }),
      status: 201,
    },
    async ({ body, ...call }, network) => {
      const number = numberIn(call, 'number');
      if (!network.isReached(number)) throw new ControlProblem(404, `${number} is not registered`);
      return { id: await network.people.write(personalMessage(number, body)) };
    },
  ),
  route(
    {
      method: 'GET',
      path: `${NUMBER}/chats`,
      summary: 'Chats of the number, the most recent first',
      answer: z.object({ chats: z.array(chatAnswer) }),
    },
    async (call, { state }) => ({
      chats: state.chats.of(numberIn(call, 'number')).map(({ waId, messages }) => ({
        waId,
        profileName: state.people.get(waId)?.profileName,
        last: messages.at(-1),
      })),
    }),
  ),
  route(
    {
      method: 'GET',
      path: `${NUMBER}/chats/:waId`,
      summary: 'Messages of a chat in both directions, with their states',
      answer: z.object({ waId: z.string(), messages: z.array(chatMessage) }),
    },
    async (call, { state }) => {
      const waId = numberIn(call, 'waId');
      return { waId, messages: state.chats.chat(numberIn(call, 'number'), waId)?.messages ?? [] };
    },
  ),
  route(
    {
      method: 'GET',
      path: `${NUMBER}/templates`,
      summary: 'The reviewed templates; none: every template is approved',
      answer: z.object({ templates: z.array(templateEntry) }),
    },
    async (call, { state }) => ({ templates: state.known(numberIn(call, 'number')).templates ?? [] }),
  ),
  route(
    {
      method: 'PUT',
      path: `${NUMBER}/templates`,
      summary: 'Replaces the reviewed templates; with none, every template is approved',
      body: z.array(templateEntry).max(10_000),
      largestBodyBytes: LARGEST_LIST_BYTES,
    },
    async ({ body, ...call }, network) => network.setTemplates(numberOf(call, network), body),
  ),
  route(
    {
      method: 'GET',
      path: `${NUMBER}/catalog`,
      summary: 'The catalogue that was linked; absent: every product exists',
      answer: z.object({ catalog: catalog.optional() }),
    },
    async (call, { state }) => ({ catalog: state.known(numberIn(call, 'number')).catalog }),
  ),
  route(
    {
      method: 'PUT',
      path: `${NUMBER}/catalog`,
      summary: 'Links a catalogue of products, or none',
      body: catalog,
      largestBodyBytes: LARGEST_LIST_BYTES,
    },
    async ({ body, ...call }, network) => network.setCatalog(numberOf(call, network), body),
  ),
  route(
    {
      method: 'PUT',
      path: `${NUMBER}/limits`,
      summary: 'Sets messaging tier and quality; an absent field stays',
      body: messagingLimits.partial(),
    },
    async ({ body, ...call }, network) => network.setLimits(numberOf(call, network), defined(body)),
  ),
  route(
    {
      method: 'GET',
      path: `${NUMBER}/faults`,
      summary: 'Faults of the connection to the number',
      answer: z.object({ faults: networkFaults }),
    },
    async (call, network) => ({ faults: network.faults(numberIn(call, 'number')) }),
  ),
  route(
    {
      method: 'PUT',
      path: `${NUMBER}/faults`,
      summary: 'Makes the connection to the number slow or lossy; {} ends all faults',
      body: networkFaults,
    },
    async ({ body, ...call }, network) => network.setFaults(numberOf(call, network), body),
  ),
  route(
    {
      method: 'GET',
      path: `${NUMBER}/recording`,
      summary: 'Recorded callbacks, each with the time since the start of the recording',
      query: { download: 'present: the answer is an attachment, webhooks-<number>.json' },
      answer: recordingAnswer,
    },
    async ({ query, ...call }, { state }) => {
      const number = numberIn(call, 'number');
      const { isOn = false, startedAtMs, callbacks = [] } = state.known(number).recording ?? {};
      const startedAt = startedAtMs === undefined ? undefined : new Date(startedAtMs).toISOString();
      const recording = { number, isOn, startedAt, callbacks };
      if (query('download') === undefined) return recording;
      const disposition = `attachment; filename="webhooks-${number}.json"`;
      return Response.json(recording, { headers: { 'content-disposition': disposition } });
    },
  ),
  route(
    {
      method: 'PUT',
      path: `${NUMBER}/recording`,
      summary: 'Starts a new recording of delivered callbacks, or ends it',
      body: z.strictObject({ isOn: z.boolean() }),
    },
    async ({ body, ...call }, network) => network.setRecording(numberOf(call, network), body.isOn),
  ),
];
