import { NODE_PORTS } from '../../../src/onprem/environment.ts';
import { networkProtocol } from '../../../src/stack/wire/networkProtocol.ts';
import { nodeProtocol } from '../../../src/stack/wire/nodeProtocol.ts';
import { DEEP, endless, type HostileGroup, type HostileInput, MB } from '../hostileInput.ts';
import { connectFrames, exchange, type Target } from '../target.ts';

const hello = (protocol: { version: number }) =>
  `${JSON.stringify({ hello: { version: protocol.version, oldest: protocol.version - 1 } })}\n`;

/** What came of bytes on a port: an answer to the call with id 1, the end of the connection, or nothing. */
async function outcome(target: Target, port: string, bytes: string | Buffer | Iterable<Buffer>) {
  const at = target.framePorts[port];
  if (!at) throw new Error(`no port ${port}`);
  const { text, isClosed } = await exchange(await connectFrames(at), bytes, /"id":1,/);
  const answer = text.split('\n').find((line) => line.includes('"id":1,'));
  if (answer === undefined) return isClosed ? 'closed' : 'ignored';
  const { ok, code } = JSON.parse(answer) as { ok: boolean; code?: number };
  return ok ? 'answered' : `refused ${code}`;
}

const call = (name: string, body: unknown) => `${JSON.stringify({ id: 1, call: name, body })}\n`;

function bytes(port: string, protocol: { version: number }): HostileInput[] {
  const input = (name: string, content: string | Buffer, expected: RegExp): HostileInput => ({
    name,
    expected,
    send: (target) => outcome(target, port, content),
  });
  const greeted = (name: string, content: string, expected: RegExp) =>
    input(name, hello(protocol) + content, expected);
  return [
    input('a call of HTTP', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', /^closed$/),
    input('bytes of any kind', Buffer.concat([Buffer.alloc(65_536, 0xf3), Buffer.from('\n')]), /^closed$/),
    { name: 'a line without an end', expected: /^closed$/, send: (t) => outcome(t, port, endless(20 * MB)) },
    ...['null', '5', '"text"', 'true', '{"hello":5}', '{"hello":{"version":"a"}}'].map((line) =>
      input(`the line ${line}`, `${line}\n`, /^closed$/),
    ),
    ...['[]', '{}', '{"event":"x"}', '{"id":1,"ok":true}'].map((line) =>
      input(`the line ${line}`, `${line}\n`, /^(ignored|closed)$/),
    ),
    greeted('broken JSON', '{"id":1,"call":\n', /^closed$/),
    input(
      'a version from the future',
      `{"hello":{"version":1000000000,"oldest":1000000000}}\n${call('health', {})}`,
      /^refused 1014$/,
    ),
    ...['unknown', '__proto__', 'constructor', 'toString', 'hasOwnProperty', ''].map((name) =>
      greeted(`the call ${JSON.stringify(name)}`, call(name, {}), /^refused 1014$/),
    ),
    greeted(
      'a call of 200,000 levels',
      `{"id":1,"call":"unknown","body":${DEEP}}\n`,
      /^(refused 1014|closed)$/,
    ),
    greeted('ten thousand calls at once', call('unknown', {}).repeat(10_000), /^refused 1014$/),
    {
      name: '100 connections that say nothing, and go',
      expected: /^gone$/,
      send: async (target) => {
        const at = target.framePorts[port];
        if (!at) throw new Error(`no port ${port}`);
        const sockets = await Promise.all(Array.from({ length: 100 }, () => connectFrames(at)));
        for (const socket of sockets) socket.destroy();
        return 'gone';
      },
    },
    {
      name: 'half a frame, and gone',
      expected: /^gone$/,
      send: async (target) => {
        const at = target.framePorts[port];
        if (!at) throw new Error(`no port ${port}`);
        const socket = await connectFrames(at);
        await new Promise<void>((resolve) => socket.write('{"id":1,"call":"sen', () => resolve()));
        socket.destroy();
        return 'gone';
      },
    },
  ];
}

/** Every call with bodies that are not its own. */
const calls = (port: string, protocol: { version: number; calls: object }): HostileInput[] =>
  Object.keys(protocol.calls).flatMap((name) =>
    Object.entries({
      'a text': '"text"',
      nothing: 'null',
      '50,000 levels': `{"body":${'['.repeat(50_000)}${']'.repeat(50_000)}}`,
      'keys of every object': '{"__proto__":{"polluted":1}}',
    }).map(([kind, body]) => ({
      name: `${name} with ${kind}`,
      // A call without fields is answered, whatever else its body holds.
      expected:
        kind.startsWith('a text') || kind === 'nothing' ? /^refused 1025$/ : /^(refused \d+|answered)$/,
      send: (target) => outcome(target, port, `${hello(protocol)}{"id":1,"call":"${name}","body":${body}}\n`),
    })),
  );

/** Ports of the processes for one another. */
export const frameGroups: readonly HostileGroup[] = [
  ...Object.keys(NODE_PORTS).map((name) => ({
    name: `port ${name} of a Coreapp`,
    inputs: bytes(`coreapp ${name}`, nodeProtocol),
  })),
  { name: 'port of the network process', inputs: bytes('network', networkProtocol) },
  { name: 'calls of a Coreapp', inputs: calls('coreapp messaging', nodeProtocol) },
  { name: 'calls of the network process', inputs: calls('network', networkProtocol) },
];
