import { z } from 'zod';
import { normaliseRecipient } from '../../../onprem/messages.ts';
import { type Behaviour, behaviour } from '../behaviour.ts';
import { DEFAULT_BEHAVIOUR } from '../defaultBehaviour.ts';
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
      people: [...state.people].map(([waId, { profileName, dialled: digits, behaviour: how = {} }]) => ({
        waId,
        profileName,
        dialled: digits,
        behaviour: { ...DEFAULT_BEHAVIOUR, ...how },
      })),
    }),
  ),
  route(
    {
      method: 'PUT',
      path: PERSON,
      summary: 'Names a person and sets how they behave; an absent field stays',
      body: behaviour.partial().extend({ name: z.string().max(256).optional(), dialled: dialled.optional() }),
    },
    async ({ body: { name, dialled: digits, ...how }, ...call }, network) =>
      network.people.set(numberIn(call, 'waId'), {
        name,
        dialled: digits,
        behaviour: defined(how) as Partial<Behaviour>,
      }),
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
