import { describe, expect, it } from 'vitest';
import { templateEntry, templateProblem } from './templates.ts';

const entry = (more: object) =>
  templateEntry.parse({ namespace: 'ns', name: 'order', language: 'en', ...more });
const sent = (variables: number) => ({
  namespace: 'ns',
  name: 'order',
  language: { code: 'en' },
  components: [{ type: 'body', parameters: Array.from({ length: variables }, () => ({ type: 'text' })) }],
});

describe('a reviewed template', () => {
  it.each([
    ['the highest variable of its text', { body: 'Dear {{1}}, order {{2}} left. Bye, {{1}}!' }, 2],
    ['the number that it names', { body: 'Dear {{1}}', bodyParameters: 3 }, 3],
    ['none for a text without variables', { body: 'We are open.' }, 0],
  ])('takes as many variables as %s', (_, more, expected) => {
    expect(templateProblem(sent(expected), [entry(more)])).toBeUndefined();
    expect(templateProblem(sent(expected + 1), [entry(more)])).toMatchObject({ code: 2000 });
  });

  it('takes any number of variables where nothing is known of its text', () => {
    for (const variables of [0, 5]) expect(templateProblem(sent(variables), [entry({})])).toBeUndefined();
  });
});
