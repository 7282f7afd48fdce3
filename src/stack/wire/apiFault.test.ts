import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { apiFault, isMeant } from './apiFault.ts';

const call = { method: 'PATCH', path: '/v1/settings/application', webapp: 'shop-webapp-1' };

describe('a fault of the API', () => {
  it.each([
    [{ path: '/v1/settings/application' }, true],
    [{ path: '/v1/settings/*' }, true],
    [{ path: '*' }, true],
    [{ path: '/v1/*/application' }, true],
    [{ method: 'PATCH', path: '*', webapp: 'shop-*' }, true],
    [{ method: 'GET', path: '*' }, false],
    [{ path: '/v1/settings' }, false],
    [{ path: '/v1/*/about' }, false],
    [{ path: '*', webapp: 'shop-webapp-0' }, false],
  ] as const)('%j is for the call: %s', (pattern, isFor) => {
    expect(isMeant(pattern, call)).toBe(isFor);
  });

  it('takes a pattern as an expression would with .* for each *', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '*', '/') });
    fc.assert(
      fc.property(text, text, (path, asked) => {
        const expression = new RegExp(`^${path.split('*').join('.*')}$`);
        expect(isMeant({ path }, { ...call, path: asked })).toBe(expression.test(asked));
      }),
    );
  });

  it('has one effect, which exists', () => {
    const isValid = (fault: object) => apiFault.safeParse({ path: '/v1/messages', ...fault }).success;
    expect(isValid({ code: 1016, times: 3 })).toBe(true);
    expect(isValid({ delayMs: 100, cut: 'after' })).toBe(true);
    expect(isValid({ code: 4711 })).toBe(false);
    expect(isValid({ code: 1016, status: 502 })).toBe(false);
    expect(isValid({ path: 'v1/messages' })).toBe(false);
    expect(isValid({ status: 200 })).toBe(false);
    expect(isValid({ oops: 1 })).toBe(false);
  });
});
