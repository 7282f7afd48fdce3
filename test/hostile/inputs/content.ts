import { lockedFile, soundFile, weakFile } from '../hostileCertificates.ts';
import { crowd, endless, type HostileGroup, type HostileInput, MB, outcomes } from '../hostileInput.ts';
import { NUMBER, type Target } from '../target.ts';

/** Each is sent as often as a leak needs to show. */
const OFTEN = 100;
const TEXT = { 'content-type': 'text/plain' };

async function often(send: () => Promise<string>): Promise<string> {
  const seen = new Set<string>();
  for (let round = 0; round < OFTEN; round++) seen.add(await send());
  return [...seen].join(', ');
}

/** Asks for a picture, reads the first bytes and goes. */
async function abandon(target: Target): Promise<string> {
  const socket = await target.webapp();
  const authorization = target.authorization('agent');
  socket.write(
    `GET /v1/media/${target.mediaId} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${authorization}\r\n\r\n`,
  );
  await new Promise((resolve) => socket.once('data', resolve));
  socket.destroy();
  return 'gone';
}

const upload = (
  name: string,
  type: string,
  body: string | Iterable<Buffer>,
  expected = /^4\d\d/,
): HostileInput => ({
  name,
  expected,
  send: (target) =>
    target.api({ method: 'POST', path: '/v1/media', headers: { 'content-type': type }, body }, 'agent'),
});

const media: HostileGroup = {
  name: 'media',
  inputs: [
    upload('a picture of 101 MB', 'image/png', endless(101 * MB), /^(400 1025|closed)$/),
    upload('a picture that is none', 'image/png', 'nonsense', /^400 1014$/),
    upload('nothing', 'image/png', '', /^400 1008$/),
    upload('a form', 'multipart/form-data; boundary=x', '--x--', /^400 1025$/),
    upload('a type that is no header', 'image/\xe9', 'x', /^400 1009$/),
    upload('a type of 5,000 characters', `image/${'x'.repeat(5_000)}`, 'x', /^400 1009$/),
    {
      name: 'HEAD of a picture, often',
      expected: /^200$/,
      send: (target) =>
        often(() => target.api({ method: 'HEAD', path: `/v1/media/${target.mediaId}` }, 'agent')),
    },
    {
      name: 'a download that is left, often',
      expected: /^gone$/,
      send: (target) => often(() => abandon(target)),
    },
    {
      name: 'a type that no header can hold at the control port, often',
      expected: /^400$/,
      send: (target) =>
        often(() =>
          target.control({
            method: 'GET',
            path: `/media/${'0'.repeat(64)}?type=${encodeURIComponent('a\nb☃')}`,
          }),
        ),
    },
    {
      name: 'a message of a person with a type that no header can hold',
      expected: /^400$/,
      send: (target) =>
        target.control({
          method: 'POST',
          path: `/numbers/${NUMBER}/messages`,
          body: JSON.stringify({
            from: '16505551234',
            type: 'image',
            image: {},
            data: 'eA==',
            mime_type: 'a\n☃',
          }),
        }),
    },
    ...(['', 'x', '..%2f..%2fnetwork.jsonl', 'A'.repeat(64)] as const).map((checksum) => ({
      name: `the checksum ${checksum.slice(0, 12)}`,
      expected: /^404$/,
      send: (target: Target) => target.control({ method: 'GET', path: `/media/${checksum}` }),
    })),
    {
      name: 'events whose watchers go, often',
      expected: /^200$/,
      send: (target) => often(() => target.control({ method: 'GET', path: '/events' })),
    },
  ],
};

const photo: HostileGroup = {
  name: 'the photo of the profile',
  inputs: [
    ['of 6 MB', 'image/png', endless(6 * MB), /^400 1025$/],
    ['of 60 MB', 'image/jpeg', endless(60 * MB), /^(400 1025|closed)$/],
    ['that is none', 'image/png', 'nonsense', /^400 1014$/],
    ['of no type', 'text/html', '<script>', /^400 1014$/],
  ].map(([what, type, body, expected]) => ({
    name: `a photo ${what}`,
    expected: expected as RegExp,
    send: (target: Target) =>
      target.api(
        {
          method: 'POST',
          path: '/v1/settings/profile/photo',
          headers: { 'content-type': String(type) },
          body: body as string | Iterable<Buffer>,
        },
        'admin',
      ),
  })),
};

/** Each body is below its limit. */
const crowds: HostileGroup = {
  name: 'many large bodies at once',
  inputs: [
    {
      name: '30 photos of 4.9 MB: some are turned away, and told to try again',
      expected: /^400 1014, 503 1016$/,
      send: (target) => {
        const headers = { 'content-type': 'image/png' };
        const upload = { method: 'POST', path: '/v1/settings/profile/photo', headers };
        return outcomes(crowd(30, 4.9 * MB).map((body) => target.api({ ...upload, body }, 'admin')));
      },
    },
    {
      name: '12 messages of 20 MB at the control port: some are turned away',
      expected: /^400, 503$/,
      send: (target) => {
        const path = `/numbers/${NUMBER}/messages`;
        return outcomes(crowd(12, 20 * MB).map((body) => target.control({ method: 'POST', path, body })));
      },
    },
  ],
};

const CERTIFICATE = '-----BEGIN CERTIFICATE-----\nTUlJQg==\n-----END CERTIFICATE-----\n';
/** Files in place of a certificate. None may keep the Webapp from its next start. */
const FILES: Readonly<Record<string, () => string | Promise<string>>> = {
  nothing: () => '',
  '900 KB of lines that only begin': () => '-----BEGIN A-----'.repeat(55_000),
  '900 KB of certificates that only begin': () => '-----BEGIN CERTIFICATE-----\n'.repeat(33_000),
  '900 KB of labels': () => `-----BEGIN ${'A '.repeat(450_000)}`,
  '10,000 certificates': () => CERTIFICATE.repeat(10_000),
  'a key of 512 bits': () => weakFile(512),
  'a key behind a password': async () => lockedFile(await soundFile()),
  'a NUL at its end': async () => `${await soundFile()}\0`,
  'the key after the chain': async () => {
    const [, ...rest] = (await soundFile()).split(/(?=-----BEGIN CERT)/);
    return rest.join('');
  },
  'two chains': async () =>
    `${await soundFile()}${(await soundFile()).replace(/^[\s\S]*?(?=-----BEGIN CERT)/, '')}`.repeat(8),
};

const certificates: HostileGroup = {
  name: 'certificates',
  inputs: Object.entries(FILES).flatMap(([name, file]) =>
    ['/v1/certificates/external', '/v1/certificates/webhooks/ca'].map((path) => ({
      name: `${path}: ${name}`,
      // Of a CA bundle only the certificates count, and several are a bundle.
      expected: path.endsWith('/ca') ? /^(200|400 1009)$/ : /^400 1009$/,
      send: async (target: Target) =>
        target.api({ method: 'POST', path, headers: TEXT, body: await file() }, 'admin'),
    })),
  ),
};

const settings: HostileGroup = {
  name: 'settings that nothing could work with',
  inputs: [
    ...[
      'https://',
      'https:///',
      'https://:443',
      'https://a b',
      'https://[',
      'http://a',
      'https://a:0',
      'x',
    ].map((url) => ({ webhooks: { url } })),
    { webhooks: { url: `https://a/${'x'.repeat(5_000)}` } },
    { heartbeat_interval: 1e15 },
    { unhealthy_interval: 0 },
    { callback_backoff_delay_ms: 1e15 },
    { max_callback_backoff_delay_ms: -1 },
    { webhooks: { max_concurrent_requests: 1e9 } },
    { log_level: 'x'.repeat(5_000) },
  ].map((patch) => ({
    name: JSON.stringify(patch).slice(0, 60),
    expected: /^400 1009$/,
    send: (target: Target) =>
      target.api({ method: 'PATCH', path: '/v1/settings/application', body: JSON.stringify(patch) }, 'admin'),
  })),
};

const users: HostileGroup = {
  name: 'names of users',
  inputs: ['a:bcd', 'a/bcd', '/../x', 'ab\0cd', 'abcd\n', '\ud800abc', 'abc', 'x'.repeat(33)].map(
    (username) => ({
      name: JSON.stringify(username),
      expected: /^400 1009$/,
      send: (target: Target) =>
        target.api(
          {
            method: 'POST',
            path: '/v1/users',
            body: JSON.stringify({ username, password: 'Passw0rd!-new' }),
          },
          'admin',
        ),
    }),
  ),
};

const logins: HostileGroup = {
  name: 'logins',
  inputs: [
    ['a name with a NUL', 'ad\0min:x'],
    ['no colon', 'admin'],
    ['a password of 8,000 characters', `nobody-at-all:${'x'.repeat(8_000)}`],
    ['bytes that are no text', '\xff\xfe\xfd'],
  ]
    .map(
      ([name = '', credentials = '']): HostileInput => ({
        name,
        expected: /^401$/,
        send: (target) => login(target, credentials),
      }),
    )
    .concat([
      {
        name: '200 wrong passwords at once: most are turned away, none stops the others',
        expected: /^(401, 429 1015|429 1015, 401)$/,
        send: async (target) => {
          const flood = Array.from({ length: 200 }, (_, index) => login(target, `nobody-${index}:x`));
          return [...new Set(await Promise.all(flood))].join(', ');
        },
      },
    ]),
};

const login = (target: Target, credentials: string): Promise<string> => {
  const authorization = `Basic ${Buffer.from(credentials, 'utf8').toString('base64')}`;
  const call = { method: 'POST', path: '/v1/users/login', headers: { authorization }, body: '{}' };
  return target.api(call, 'nobody');
};

/** Inputs whose content is hostile, to endpoints that look at it. */
export const contentGroups: readonly HostileGroup[] = [
  media,
  photo,
  crowds,
  certificates,
  settings,
  users,
  logins,
];
