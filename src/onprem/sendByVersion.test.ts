import { describe, expect, it } from 'vitest';
import { sendRequest } from './messages.ts';
import { versionRefusal } from './sendByVersion.ts';

const template = (policy: string) => ({ namespace: 'n', name: 't', language: { policy, code: 'en' } });
const long = 'x'.repeat(1025);

describe('a message that only some versions accept', () => {
  it.each([
    ['ttl', { type: 'template', template: template('deterministic'), ttl: 3 }, 'v2.21.2', 'v2.21.3', 1010],
    ['the policy fallback', { type: 'template', template: template('fallback') }, 'v2.27.8', 'v2.27.7', 1009],
    [
      'the policy fallback in an hsm',
      {
        type: 'hsm',
        hsm: { namespace: 'n', element_name: 'e', language: { policy: 'fallback', code: 'en' } },
      },
      'v2.27.8',
      'v2.27.7',
      1009,
    ],
    ['a long caption', { type: 'image', image: { id: 'x', caption: long } }, 'v2.41.2', 'v2.39.4', 1009],
    [
      'a long caption in a header',
      {
        type: 'template',
        template: {
          ...template('deterministic'),
          components: [
            { type: 'header', parameters: [{ type: 'image', image: { id: 'x', caption: long } }] },
          ],
        },
      },
      'v2.57.1',
      'v2.39.4',
      1009,
    ],
  ] as const)('has %s', (_, message, refusing, accepting, code) => {
    const parsed = sendRequest.parse({ to: '15550001111', ...message });
    expect(versionRefusal(parsed, refusing)?.code).toBe(code);
    expect(versionRefusal(parsed, accepting)).toBeUndefined();
  });
});
