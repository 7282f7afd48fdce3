import { describe, expect, it } from 'vitest';
import { type ControlAccess, controlRefusal } from './controlGuard.ts';

const TOKEN = 'a-token-of-the-control-port';
/** The status by which a request is refused; undefined if it is served. */
function statusOf(
  headers: Record<string, string>,
  {
    access = {},
    method = 'GET',
    path = '/numbers',
    peer = '127.0.0.1',
  }: { access?: ControlAccess; method?: string; path?: string; peer?: string } = {},
) {
  const given = { host: 'localhost:8080', ...headers };
  return controlRefusal({ method, path, peer, header: (name) => given[name as 'host'] }, access)?.status;
}

describe('the control port', () => {
  it.each([
    'localhost:8080',
    '127.0.0.1:8080',
    '[::1]:8080',
    '10.1.2.3',
    'waba-network:8080',
    'waba-network.shop.svc',
    'waba-network.shop.svc.cluster.local:8080',
    'host.docker.internal:8080',
  ])('serves requests to %s', (host) => {
    expect(statusOf({ host })).toBeUndefined();
    expect(statusOf({ host, origin: `http://${host}` }, { method: 'POST' })).toBeUndefined();
  });

  it.each(['evil.example', 'localhost.evil.example:8080', '127.0.0.1.nip.io', '', 'svc.example.'])(
    'refuses requests to %j, a name that a stranger may have pointed at it',
    (host) => {
      expect(statusOf({ host })).toBe(403);
    },
  );

  it('serves requests to a name that was listed', () => {
    expect(
      statusOf({ host: 'sim.shop.example' }, { access: { hosts: ['sim.shop.example'] } }),
    ).toBeUndefined();
  });

  it('refuses what pages of other sites send, and lets people follow links to it', () => {
    for (const origin of ['https://evil.example', 'null', 'http://localhost:3000', 'http://localhost'])
      for (const method of ['GET', 'POST', 'PUT']) expect(statusOf({ origin }, { method })).toBe(403);
    for (const site of ['cross-site', 'same-site']) {
      expect(statusOf({ 'sec-fetch-site': site, 'sec-fetch-mode': 'no-cors' })).toBe(403);
      const followed = { 'sec-fetch-site': site, 'sec-fetch-mode': 'navigate' };
      expect(statusOf(followed)).toBeUndefined();
      expect(statusOf(followed, { method: 'POST' })).toBe(403);
    }
  });

  it('wants its token, if it has one, from everybody but probes', () => {
    const access = { token: TOKEN };
    for (const headers of [
      {},
      { authorization: `Bearer ${TOKEN}x` },
      { authorization: `Basic ${TOKEN}` },
      { cookie: `waba-control=${TOKEN}x` },
      { cookie: `other=${TOKEN}` },
    ])
      expect(statusOf(headers as Record<string, string>, { access })).toBe(401);
    expect(statusOf({ authorization: `Bearer ${TOKEN}` }, { access, peer: '8.8.8.8' })).toBeUndefined();
    expect(statusOf({ cookie: `a=b; waba-control=${TOKEN}` }, { access })).toBeUndefined();
    expect(statusOf({ host: 'evil.example' }, { access, path: '/healthz' })).toBeUndefined();
  });

  it('without a token serves its own networks only', () => {
    expect(statusOf({}, { peer: '8.8.8.8' })).toBe(403);
    for (const peer of ['10.1.2.3', '::ffff:192.168.1.1', '::1'])
      expect(statusOf({}, { peer })).toBeUndefined();
  });
});
