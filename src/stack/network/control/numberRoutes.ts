import { z } from 'zod';
import { normaliseRecipient } from '../../../onprem/messages.ts';
import { catalog } from '../catalog.ts';
import { chatMessage } from '../chats.ts';
import { inbound, personalMessage } from '../inboundMessage.ts';
import { messagingLimits } from '../messagingLimits.ts';
import { networkFaults } from '../networkFaults.ts';
import { recordedCallback } from '../recording.ts';
import { templateEntry } from '../templates.ts';
import { ControlProblem, type ControlRoute, defined, route } from './controlRoute.ts';

const NUMBER = '/numbers/:number';

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
      answer: z.object({ id: z.string() }),
      status: 201,
    },
    async ({ parameter, body }, network) => {
      const number = normaliseRecipient(parameter('number')) ?? '';
      if (!network.state.numbers.get(number)?.registrationKey)
        throw new ControlProblem(404, `${number} is not registered`);
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
    async ({ parameter }, { state }) => ({
      chats: state.chats.of(parameter('number')).map(({ waId, messages }) => ({
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
    async ({ parameter }, { state }) => {
      const waId = parameter('waId');
      return { waId, messages: state.chats.chat(parameter('number'), waId)?.messages ?? [] };
    },
  ),
  route(
    {
      method: 'PUT',
      path: `${NUMBER}/templates`,
      summary: 'Replaces the reviewed templates; with none, every template is approved',
      body: z.array(templateEntry).max(10_000),
    },
    async ({ parameter, body }, network) => network.setTemplates(parameter('number'), body),
  ),
  route(
    {
      method: 'PUT',
      path: `${NUMBER}/catalog`,
      summary: 'Links a catalogue of products, or none',
      body: catalog,
    },
    async ({ parameter, body }, network) => network.setCatalog(parameter('number'), body),
  ),
  route(
    {
      method: 'PUT',
      path: `${NUMBER}/limits`,
      summary: 'Sets messaging tier and quality; an absent field stays',
      body: messagingLimits.partial(),
    },
    async ({ parameter, body }, network) => network.setLimits(parameter('number'), defined(body)),
  ),
  route(
    {
      method: 'PUT',
      path: `${NUMBER}/faults`,
      summary: 'Makes the connection to the number slow or lossy; {} ends all faults',
      body: networkFaults,
    },
    async ({ parameter, body }, network) => network.setFaults(parameter('number'), body),
  ),
  route(
    {
      method: 'GET',
      path: `${NUMBER}/recording`,
      summary: 'Recorded callbacks, each with the time since the start of the recording',
      query: { download: 'present: the answer is an attachment, webhooks-<number>.json' },
      answer: recordingAnswer,
    },
    async ({ parameter, query }, { state }) => {
      const number = parameter('number');
      const { isOn = false, startedAtMs, callbacks = [] } = state.number(number).recording ?? {};
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
    async ({ parameter, body }, network) => network.setRecording(parameter('number'), body.isOn),
  ),
];
