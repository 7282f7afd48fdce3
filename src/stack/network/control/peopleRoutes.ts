import * as z from 'zod';
import { normaliseRecipient } from '../../../onprem/messages.ts';
import { type Behaviour, behaviour } from '../behaviour.ts';
import { DEFAULT_BEHAVIOUR } from '../defaultBehaviour.ts';
import { USER_ID, userIdOf } from '../userId.ts';
import { ControlProblem, type ControlRoute, defined, numberIn, route } from './controlRoute.ts';

const PERSON = '/people/:waId';
/** Numbers by which a person is reached whose WhatsApp id is another one. */
const dialled = z
  .array(
    z.string().transform((given, context) => {
      const digits = normaliseRecipient(given);
      if (digits === undefined) context.addIssue({ code: 'custom', message: 'is no phone number' });
      return digits ?? '';
    }),
  )
  .max(10);

const personAnswer = z.object({
  waId: z.string(),
  profileName: z.string().optional(),
  dialled: z.array(z.string()).readonly().optional(),
  userId: z.string().meta({ description: 'business-scoped id, which the Graph API tells' }),
  hidesNumber: z.boolean().meta({ description: 'the Graph API tells no number of theirs' }),
  behaviour,
});

/** Simulated customers. */
export const peopleRoutes: readonly ControlRoute[] = [
  route(
    {
      method: 'GET',
      path: '/people',
      summary: 'People whom the simulation knows, with how each behaves',
      answer: z.object({ people: z.array(personAnswer) }),
    },
    async (_, { state }) => ({
      people: [...state.people].map(([waId, person]) => ({
        waId,
        profileName: person.profileName,
        dialled: person.dialled,
        userId: userIdOf(waId, person),
        hidesNumber: person.hidesNumber === true,
        behaviour: { ...DEFAULT_BEHAVIOUR, ...person.behaviour },
      })),
    }),
  ),
  route(
    {
      method: 'PUT',
      path: PERSON,
      summary: 'Names a person and sets how they behave; an absent field stays',
      note: 'A new userId is told to the webhook of the Graph API.',
      body: behaviour.partial().extend({
        name: z.string().max(256).optional(),
        dialled: dialled.optional(),
        userId: z.string().regex(USER_ID, 'must be like US.13491208655302741918').optional(),
        hidesNumber: z.boolean().optional(),
      }),
    },
    async ({ body: { name, dialled: digits, userId, hidesNumber, ...how }, ...call }, network) => {
      const waId = numberIn(call, 'waId');
      const owner = userId === undefined ? undefined : network.people.byUserId(userId);
      if (owner !== undefined && owner !== waId)
        throw new ControlProblem(400, `${userId} is the id of ${owner}: choose another one`);
      await network.people.set(waId, {
        name,
        dialled: digits,
        behaviour: defined(how) as Partial<Behaviour>,
      });
      if (userId !== undefined || hidesNumber !== undefined)
        await network.setUserId(waId, { userId, hidesNumber });
    },
  ),
  route(
    {
      method: 'POST',
      path: `${PERSON}/window`,
      summary: 'The customer-care window of a number opens, as if the person had just written',
      body: z.strictObject({ number: z.string() }),
    },
    async ({ body: { number }, ...call }, network) => {
      const digits = normaliseRecipient(number);
      if (digits === undefined) throw new ControlProblem(400, `${number} is no phone number`);
      await network.people.openWindow(numberIn(call, 'waId'), digits);
    },
  ),
  route(
    {
      method: 'DELETE',
      path: PERSON,
      summary: 'Forgets a person and their chats; messages on their way get no further status',
    },
    async (call, { people }) => {
      const waId = numberIn(call, 'waId');
      if (!(await people.remove(waId)))
        throw new ControlProblem(404, `there is no person ${waId}; GET /people lists them`);
    },
  ),
  route(
    {
      method: 'POST',
      path: `${PERSON}/identity`,
      summary: 'The person gets a new phone, and with it another identity; their chats tell of it',
      body: z.object({}),
    },
    async (call, network) => network.people.changeIdentity(numberIn(call, 'waId')),
  ),
  route(
    {
      method: 'POST',
      path: `${PERSON}/number`,
      summary: 'The person gets another phone number; their chats go on under it',
      body: z.strictObject({ newWaId: z.string().regex(/^[0-9]{6,15}$/) }),
    },
    async ({ body: { newWaId }, ...call }, { people, state }) => {
      const waId = numberIn(call, 'waId');
      if (state.people.has(newWaId))
        throw new ControlProblem(400, `${newWaId} is the number of somebody else: choose a free one`);
      await people.changeNumber(waId, newWaId);
    },
  ),
];
