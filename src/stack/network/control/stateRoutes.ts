import * as z from 'zod';
import { ControlProblem, type ControlRoute, route } from './controlRoute.ts';

const snapshotName = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}$/, 'a name has letters, digits, dots and dashes');
const nameIn = (parameter: (name: string) => string): string => {
  const name = snapshotName.safeParse(parameter('name'));
  if (name.success) return name.data;
  throw new ControlProblem(
    400,
    `${parameter('name')} is no name of a snapshot: 1 to 64 letters, digits, . _ -`,
  );
};

/** The state of the simulation as a whole. */
export const stateRoutes: readonly ControlRoute[] = [
  route(
    {
      method: 'POST',
      path: '/reset',
      summary: 'Back to the state after the start; registration, PIN and clock stay',
      note: 'People, chats, faults, templates, catalogs and logs go; what the start set is there again.',
      body: z.object({}),
    },
    async (_, network) => network.snapshots.reset(),
  ),
  route(
    {
      method: 'GET',
      path: '/snapshots',
      summary: 'Names of the snapshots, which are kept in memory',
      answer: z.object({ snapshots: z.array(z.string()) }),
    },
    async (_, { snapshots }) => ({ snapshots: snapshots.names() }),
  ),
  route(
    {
      method: 'PUT',
      path: '/snapshots/:name',
      summary: 'Keeps the present state under a name',
      body: z.object({}),
    },
    async ({ parameter }, { snapshots }) => {
      if (!(await snapshots.take(nameIn(parameter))))
        throw new ControlProblem(
          400,
          'there are too many snapshots; delete one with DELETE /snapshots/{name}',
        );
    },
  ),
  route(
    {
      method: 'DELETE',
      path: '/snapshots/:name',
      summary: 'Forgets a snapshot',
    },
    async ({ parameter }, { snapshots }) => snapshots.forget(nameIn(parameter)),
  ),
  route(
    {
      method: 'POST',
      path: '/snapshots/:name/restore',
      summary: 'Brings a snapshot back; registration, PIN and clock stay',
      body: z.object({}),
    },
    async ({ parameter }, { snapshots }) => {
      const name = nameIn(parameter);
      if (!(await snapshots.restore(name)))
        throw new ControlProblem(404, `there is no snapshot ${name}; GET /snapshots lists them`);
    },
  ),
];
