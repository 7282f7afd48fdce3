import { z } from 'zod';
import { type Behaviour, behaviour, DEFAULT_BEHAVIOUR } from '../behaviour.ts';
import { type ControlRoute, defined, route } from './controlRoute.ts';

const PERSON = '/people/:waId';

const personAnswer = z.object({ waId: z.string(), profileName: z.string().optional(), behaviour });

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
      people: [...state.people].map(([waId, { profileName, behaviour: how = {} }]) => ({
        waId,
        profileName,
        behaviour: { ...DEFAULT_BEHAVIOUR, ...how },
      })),
    }),
  ),
  route(
    {
      method: 'PUT',
      path: PERSON,
      summary: 'Names a person and sets how they behave; an absent field stays',
      body: behaviour.partial().extend({ name: z.string().max(256).optional() }),
    },
    async ({ parameter, body: { name, ...how } }, network) =>
      network.people.set(parameter('waId'), { name, behaviour: defined(how) as Partial<Behaviour> }),
  ),
  route(
    {
      method: 'POST',
      path: `${PERSON}/identity`,
      summary: 'The person gets a new phone, and with it another identity',
      body: z.object({}),
    },
    async ({ parameter }, network) => network.people.changeIdentity(parameter('waId')),
  ),
  route(
    {
      method: 'POST',
      path: `${PERSON}/number`,
      summary: 'The person gets another phone number',
      body: z.strictObject({ newWaId: z.string().regex(/^[0-9]{6,15}$/) }),
    },
    async ({ parameter, body }, network) => network.people.changeNumber(parameter('waId'), body.newWaId),
  ),
];
