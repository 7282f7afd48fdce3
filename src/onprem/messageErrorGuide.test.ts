import { describe, expect, it } from 'vitest';
import { messageErrorGuide } from './messageErrorGuide.ts';
import { sendRequest } from './messages.ts';
import { paramsOf } from './refusalIssue.ts';

const NAMED = { namespace: 'ns', name: 'order', language: { policy: 'deterministic', code: 'en' } };
const LIST = {
  type: 'list',
  body: { text: 'When?' },
  action: { button: 'Times', sections: [{ rows: [{ id: 't1', title: 'At five' }] }] },
};

describe('the guide to errors of messages', () => {
  it.each([
    [2004, (component: object) => ({ type: 'template', template: { ...NAMED, components: [component] } })],
    [2006, (component: object) => ({ type: 'template', template: { ...NAMED, components: [component] } })],
    [2012, (component: object) => ({ type: 'template', template: { ...NAMED, components: [component] } })],
    [2036, (header: object) => ({ type: 'interactive', interactive: { ...LIST, header } })],
  ] as const)('tells how to cause %i, and that does', (code, messageWith) => {
    const [part = ''] = /\{.*\}/.exec(messageErrorGuide[code].trigger ?? '') ?? [];
    const parsed = sendRequest.safeParse({ to: '16505551234', ...messageWith(JSON.parse(part)) });
    expect(parsed.error?.issues.map((issue) => paramsOf(issue).apiCode)).toEqual([code]);
  });

  it('gives each error of a template a cause and a cure of its own', () => {
    const templates = Object.values(messageErrorGuide).filter(
      ({ messageType }) => messageType === 'template',
    );
    expect(new Set(templates.map(({ cause }) => cause)).size).toBe(templates.length);
    expect(new Set(templates.map(({ cure }) => cure)).size).toBe(templates.length);
  });
});
