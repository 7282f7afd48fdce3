import { describe, expect, it } from 'vitest';
import { Mask } from './mask.ts';

describe('the mask of the doctor and of the support bundle', () => {
  it.each([
    ['the number +16315551000 is in use', 'the number ***000 is in use'],
    ['the number +1 631 555 1000 is in use', 'the number ***000 is in use'],
    ['{"to":"16505550011"}', '{"to":"***011"}'],
    ['from=16505550011 to=16315551000', 'from=***011 to=***000'],
  ])('shows of the phone numbers in %s only the last digits', (text, masked) => {
    expect(new Mask().text(text)).toBe(masked);
  });

  it.each([
    '2026-11-28T05:00:00.123456Z',
    'pod shop-schema-12345678901 on 10.96.128.254:5432',
    'uid 3f2504e0-4f89-11d3-9a0c-123456789012',
    'database ended with exit code 137 after 86400 s, 1073741824 bytes',
  ])('leaves %s as it is', (text) => {
    expect(new Mask().text(text)).toBe(text);
  });

  it('hides values of Secrets wherever they are, the longer ones first, but no user name, host or short word', () => {
    const mask = new Mask();
    mask.learn({ password: 'planted', token: 'planted-and-more\n', username: 'waba-user', short: 'true' });
    mask.learn({ host: 'db.example.org' });
    expect(mask.deep({ a: ['login with planted-and-more', 1], b: { c: 'planted', d: null } })).toEqual({
      a: ['login with ***', 1],
      b: { c: '***', d: null },
    });
    expect(mask.text('waba-user at db.example.org: true')).toBe('waba-user at db.example.org: true');
  });
});
