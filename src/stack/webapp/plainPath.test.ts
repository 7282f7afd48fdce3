import { describe, expect, it } from 'vitest';
import { plainPath } from './plainPath.ts';
import { isRelayed } from './relayedPath.ts';

describe('a path', () => {
  it.each([
    ['/', '/'],
    ['//', '/'],
    ['/v1/messages', '/v1/messages'],
    ['/v1/messages/', '/v1/messages'],
    ['//v1/messages', '/v1/messages'],
    ['/v1//media///x//', '/v1/media/x'],
    ['/v1/media/%2F%2F', '/v1/media/%2F%2F'],
  ])('%s is read as %s', (written, read) => {
    expect(plainPath(written)).toBe(read);
  });

  it.each([
    ['/v1/users/login', false],
    ['/v1/users', false],
    ['/v1/certificates/external/ca', false],
    ['/v1/certificates/webhooks/ca', true],
    ['/metrics', false],
    ['/v1/media/:id', false],
    ['/v1/media/:id/download', true],
    ['/v1/messages', true],
    ['/v1/settings/profile/photo', true],
    ['/v1/health', true],
  ])('%s is answered behind the Webapp: %s', (path, expected) => {
    expect(isRelayed(path)).toBe(expected);
  });
});
