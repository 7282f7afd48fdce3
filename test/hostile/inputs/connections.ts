import type { Socket } from 'node:net';
import { type HostileGroup, type HostileInput, MB } from '../hostileInput.ts';
import { exchange, type Target } from '../target.ts';

const STATUS = /HTTP\/1\.1 (\d{3})/;
const get = (path: string, lines = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${lines}\r\n`;
const post = (lines: string, body = '') =>
  `POST /v1/contacts HTTP/1.1\r\nHost: localhost\r\n${lines}\r\n${body}`;

/** Bytes on a connection. @returns the status of the first answer, or `closed` or `ignored` */
async function outcome(socket: Socket, bytes: string | Buffer): Promise<string> {
  const { text, isClosed } = await exchange(socket, bytes, /HTTP\/1\.1 \d{3}[\s\S]*\r\n\r\n/);
  return STATUS.exec(text)?.[1] ?? (isClosed ? 'closed' : 'ignored');
}

/** Requests that no client writes. Those with a body and without a token are refused before the body is read. */
const REQUESTS: Readonly<Record<string, readonly [string | Buffer, RegExp]>> = {
  'bytes of any kind': [Buffer.alloc(4096, 0xf3), /^(400|closed)$/],
  'another protocol': ['SSH-2.0-OpenSSH_9.0\r\n', /^400$/],
  'HTTP/0.9': ['GET /\r\n\r\n', /^(200|400)$/],
  'HTTP/2 without negotiation': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', /^400$/],
  'no host': ['GET /v1/health HTTP/1.1\r\n\r\n', /^400$/],
  'a host that is none': ['GET /v1/health HTTP/1.1\r\nHost: a b/\\@\r\n\r\n', /^4\d\d$/],
  'a header of 20,000 bytes': [get('/', `X: ${'x'.repeat(20_000)}\r\n`), /^431$/],
  '3,000 headers': [get('/', 'A: b\r\n'.repeat(3_000)), /^(200|431)$/],
  'a path of 20,000 bytes': [get(`/${'a'.repeat(20_000)}`), /^431$/],
  'a header without a name': [get('/', ': b\r\n'), /^400$/],
  'a header with a NUL': [get('/', 'A: b\0c\r\n'), /^400$/],
  'a header that is folded': [get('/', 'A: b\r\n c\r\n'), /^(400|[24]\d\d)$/],
  'a length and chunks': [post('Content-Length: 4\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'), /^400$/],
  'two lengths': [post('Content-Length: 4\r\nContent-Length: 5\r\n', 'abcde'), /^400$/],
  'a negative length': [post('Content-Length: -1\r\n'), /^400$/],
  'a length beyond numbers': [post('Content-Length: 99999999999999999999\r\n'), /^4\d\d$/],
  'an unknown coding': [post('Transfer-Encoding: gzip\r\n', 'abc'), /^(400|401|403|404|501)$/],
  'a chunk without a size': [post('Transfer-Encoding: chunked\r\n', 'zz\r\nabc\r\n0\r\n\r\n'), /^4\d\d$/],
  'a chunk of any size': [post('Transfer-Encoding: chunked\r\n', 'ffffffffffffffff\r\nabc'), /^4\d\d$/],
  'an expectation that nobody knows': [get('/', 'Expect: nonsense\r\n'), /^417$/],
  'an upgrade': [
    get('/v1/health', 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n'),
    /^4\d\d$/,
  ],
  'a tunnel': ['CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: a\r\n\r\n', /^(4\d\d|closed)$/],
  'the URL of another server': [get('http://169.254.169.254/latest'), /^4\d\d$/],
  'a star': ['OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n', /^4\d\d$/],
  'a path without a slash': [get('v1/health'), /^4\d\d$/],
  'a path with a line break': [get('/a%0d%0aX: y'), /^4\d\d$/],
  TRACE: ['TRACE /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n', /^4\d\d$/],
  'a method that nobody knows': ['BREW /pot HTTP/1.1\r\nHost: localhost\r\n\r\n', /^400$/],
  'slashes without end': [get('/'.repeat(8_000)), /^[24]\d\d$/],
  'dots without end': [get('/v1/..'.repeat(2_000)), /^(200|4\d\d)$/],
};

type Opener = (target: Target) => Promise<Socket>;

function connectionInputs(open: Opener): HostileInput[] {
  const gone = async (target: Target, count: number, bytes: string) => {
    const sockets = await Promise.all(Array.from({ length: count }, () => open(target)));
    await Promise.all(
      sockets.map(
        (socket) => new Promise<void>((done) => (bytes ? socket.write(bytes, () => done()) : done())),
      ),
    );
    for (const socket of sockets) socket.on('error', () => {}).destroy();
    return 'gone';
  };
  return [
    {
      name: '50 connections that say nothing, and go',
      expected: /^gone$/,
      send: (target) => gone(target, 50, ''),
    },
    {
      name: '50 requests without an end, and gone',
      expected: /^gone$/,
      send: (target) => gone(target, 50, 'GET / HTTP/1.1\r\nHost: localh'),
    },
    {
      name: '50 bodies without an end, and gone',
      expected: /^gone$/,
      send: (target) =>
        gone(
          target,
          50,
          post(`Authorization: ${target.authorization('agent')}\r\nContent-Length: 1000\r\n`, '{"contacts"'),
        ),
    },
    {
      name: '200 requests at once on one connection',
      expected: /^200 answers$/,
      send: async (target) => {
        const many = get('/v1/nowhere').repeat(200);
        const { text } = await exchange(await open(target), many);
        return `${text.split('HTTP/1.1 4').length - 1} answers`;
      },
    },
  ];
}

const requests = (open: Opener): HostileInput[] => [
  ...Object.entries(REQUESTS).map(([name, [bytes, expected]]) => ({
    name,
    expected,
    send: async (target: Target) => outcome(await open(target), bytes),
  })),
  ...connectionInputs(open),
];

/** Connections and requests that no HTTP client makes. */
export const connectionGroups: readonly HostileGroup[] = [
  {
    name: 'requests to the Webapp, byte by byte',
    inputs: [
      ...requests((target) => target.webapp()),
      {
        name: 'a call without encryption',
        expected: /^closed$/,
        send: async (target) => outcome(await target.plainWebapp(), get('/')),
      },
      {
        name: 'a handshake of nonsense',
        expected: /^closed$/,
        send: async (target) =>
          outcome(
            await target.plainWebapp(),
            Buffer.concat([Buffer.from([22, 3, 1, 255, 255]), Buffer.alloc(MB)]),
          ),
      },
    ],
  },
  {
    name: 'requests to the control port, byte by byte',
    inputs: requests((target) => target.controlSocket()),
  },
];
