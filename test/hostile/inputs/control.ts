import { controlRoutes } from '../../../src/stack/network/control/controlApi.ts';
import type { ControlRoute } from '../../../src/stack/network/control/controlRoute.ts';
import {
  endless,
  filled,
  HOSTILE_BODIES,
  HOSTILE_PARAMETERS,
  type HostileGroup,
  type HostileInput,
  MB,
} from '../hostileInput.ts';

const SERVED = /^[24]\d\d$/;

const pages = ({ method, path }: ControlRoute): HostileInput[] =>
  Object.entries({
    'a host name of a stranger': { host: 'evil.example:8080' },
    'a page of another site': { origin: 'https://evil.example' },
    'a page without an origin': { origin: 'null' },
    'a picture in a page of another site': { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
  }).map(([name, headers]) => ({
    name,
    expected: /^403$/,
    send: (target) => target.control({ method, path: filled(path, 'x'), headers: { ...headers } }),
  }));

function parameters({ method, path, body }: ControlRoute): HostileInput[] {
  if (!path.includes(':')) return [];
  return Object.entries(HOSTILE_PARAMETERS).map(([name, value]) => ({
    name: `${name} in the path`,
    expected: SERVED,
    send: (target) => target.control({ method, path: filled(path, value), ...(body ? { body: '{' } : {}) }),
  }));
}

function bodies({ method, path, body: shape, largestBodyBytes = MB }: ControlRoute): HostileInput[] {
  if (!shape) return [];
  const send =
    (body: string | Buffer | Iterable<Buffer>): HostileInput['send'] =>
    (target) =>
      target.control({ method, path: filled(path, '16315550000'), body });
  const large = largestBodyBytes + 2 * MB;
  return [
    ...Object.entries(HOSTILE_BODIES).map(([name, body]) => ({ name, expected: /^400$/, send: send(body) })),
    {
      name: 'a body above the limit',
      expected: /^413$/,
      send: (target) => send(`"${'x'.repeat(large)}"`)(target),
    },
    { name: 'a body without an end', expected: /^(413|closed)$/, send: (t) => send(endless(2 * large))(t) },
    { name: 'keys of every object', expected: SERVED, send: send('{"__proto__":{"polluted":1}}') },
  ];
}

/** Each call of the control API with each kind of hostile input. */
export const controlGroups: readonly HostileGroup[] = controlRoutes.map((route) => ({
  name: `control port: ${route.method} ${route.path}`,
  inputs: [...pages(route), ...parameters(route), ...bodies(route)],
}));
