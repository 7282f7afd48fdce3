import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConformanceApi } from '../support/conformanceApi.ts';
import { account } from './conformance/account.ts';
import { certificates } from './conformance/certificates.ts';
import { contacts } from './conformance/contacts.ts';
import { details } from './conformance/details.ts';
import { everyEndpoint } from './conformance/everyEndpoint.ts';
import { media } from './conformance/media.ts';
import { messages } from './conformance/messages.ts';
import { operations } from './conformance/operations.ts';
import { rateLimits } from './conformance/rateLimits.ts';
import { refusals, slashes } from './conformance/refusals.ts';
import { settings } from './conformance/settings.ts';
import { stickerPacks } from './conformance/stickerPacks.ts';
import { users } from './conformance/users.ts';

const api = new ConformanceApi();
beforeAll(() => api.start());
afterAll(() => api.close());

// All suites share one stack, so each builds on those above it.
users(api);
everyEndpoint(api);
slashes(api);
account(api);
refusals(api);
settings(api);
certificates(api);
media(api);
messages(api);
details(api);
contacts(api);
stickerPacks(api);
operations(api);

describe('the suites', () => {
  it('have called every endpoint', () => {
    expect(api.unreached()).toEqual([]);
  });
});

rateLimits(api);
