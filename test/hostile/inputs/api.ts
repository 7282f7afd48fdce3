import * as z from 'zod';
import type { Route } from '../../../src/stack/webapp/route.ts';
import { routes } from '../../../src/stack/webapp/routes.ts';
import {
  endless,
  filled,
  HOSTILE_BODIES,
  HOSTILE_PARAMETERS,
  type HostileGroup,
  type HostileInput,
  MB,
} from '../hostileInput.ts';
import type { Role } from '../target.ts';

const SERVED = /^[24]\d\d/;
const REFUSED = /^4\d\d/;
const JSON_TYPE = { 'content-type': 'application/json' };

/** The role that may call an endpoint. */
const callerOf = ({ access }: Route): Role => (access === 'admin' ? 'admin' : 'agent');

function strangers({ method, path, access }: Route): HostileInput[] {
  if (access === 'open') return [];
  const call = (name: string, authorization: string, expected = /^401$/): HostileInput => ({
    name,
    expected,
    send: (target) => target.api({ method, path: filled(path, 'x'), headers: { authorization } }, 'nobody'),
  });
  const user = Buffer.from(`${path}${method}:x`).toString('base64');
  return [
    { ...call('nobody', ''), send: (target) => target.api({ method, path: filled(path, 'x') }, 'nobody') },
    call('a token of 10,000 characters', `Bearer ${'a.'.repeat(5_000)}`),
    call('a token without a signature', 'Bearer eyJhbGciOiJub25lIn0.e30.'),
    call('a user whom nobody knows', `Basic ${user}`),
    call('a wrong API key', 'Apikey test-api-key-0002'),
    ...(access === 'admin'
      ? [
          {
            name: 'a user who is no administrator',
            expected: /^403 1005$/,
            send: (target) => target.api({ method, path: filled(path, 'x') }, 'agent'),
          } satisfies HostileInput,
        ]
      : []),
  ];
}

function parameters(route: Route): HostileInput[] {
  const { method, path, access } = route;
  if (!path.includes(':') || access === 'basic') return [];
  const body = route.body ? { body: '{}', headers: JSON_TYPE } : {};
  return Object.entries(HOSTILE_PARAMETERS).map(([name, value]) => ({
    name: `${name} in the path`,
    expected: REFUSED,
    send: (target) => target.api({ method, path: filled(path, value), ...body }, callerOf(route)),
  }));
}

/** Every field of a shape with this value. */
function everyField(shape: z.ZodType, value: unknown): string {
  const { properties = {}, type } = z.toJSONSchema(shape, { io: 'input', unrepresentable: 'any' }) as {
    properties?: object;
    type?: string;
  };
  const object = Object.fromEntries(Object.keys(properties).map((name) => [name, value]));
  return JSON.stringify(type === 'array' ? [object] : object);
}

function bodies(route: Route): HostileInput[] {
  const { method, path, body: shape, access } = route;
  if (!shape || access === 'basic') return [];
  const send =
    (body: string | Buffer | Iterable<Buffer>): HostileInput['send'] =>
    (target) =>
      target.api({ method, path: filled(path, 'x'), headers: JSON_TYPE, body }, callerOf(route));
  const polluting = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
  return [
    ...Object.entries(HOSTILE_BODIES).map(([name, body]) => ({
      name,
      expected: /^400 1025$/,
      send: send(body),
    })),
    { name: 'a body of 1.5 MB', expected: /^400 1025$/, send: send(`{"a":"${'x'.repeat(1.5 * MB)}"}`) },
    {
      name: 'a body without an end',
      expected: /^(400 1025|closed)$/,
      send: (t) => send(endless(30 * MB))(t),
    },
    { name: 'an empty list', expected: REFUSED, send: send('[]') },
    { name: 'keys of every object', expected: SERVED, send: send(polluting) },
    { name: 'objects in every field', expected: SERVED, send: send(everyField(shape, { a: [1] })) },
    { name: 'NUL in every field', expected: SERVED, send: send(everyField(shape, '\0\0\0\0\0')) },
    { name: 'half characters', expected: SERVED, send: send(everyField(shape, '\ud800'.repeat(8))) },
    { name: '100,000 characters', expected: SERVED, send: send(everyField(shape, 'x'.repeat(100_000))) },
    {
      name: 'numbers without end',
      expected: SERVED,
      send: send(everyField(shape, 0).replaceAll(':0', ':1e999')),
    },
    { name: 'lists of 50,000', expected: SERVED, send: send(everyField(shape, Array(50_000).fill('a'))) },
  ];
}

function others(route: Route): HostileInput[] {
  const { method, path, access } = route;
  const name = 'HEAD in place of GET';
  return method === 'GET' && access !== 'basic'
    ? [
        {
          name,
          expected: SERVED,
          send: (target) => target.api({ method: 'HEAD', path: filled(path, 'x') }, callerOf(route)),
        },
      ]
    : [];
}

/** Each endpoint of the API with each kind of hostile input. */
export const apiGroups: readonly HostileGroup[] = routes.map((route) => ({
  name: `${route.method} ${route.path}`,
  inputs: [...strangers(route), ...parameters(route), ...bodies(route), ...others(route)],
}));
