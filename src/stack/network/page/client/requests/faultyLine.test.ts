import { describe, expect, it } from 'vitest';
import { isFaulty, namedParameters } from './faultyLine.ts';

describe('the parameter that an error names', () => {
  it.each([
    ["Parameter 'body' is mandatory for type 'text'", ['body', 'text']],
    ["Parameter 'id' or 'link' is mandatory for type 'image'", ['id', 'link', 'image']],
    ['template.name: too long', ['template.name']],
    ['ttl belongs to templates', ['ttl']],
    ['No media nope', []],
  ])('in %j is found', (details, names) => {
    expect(namedParameters(details)).toEqual(names);
  });

  it('is marked in the body by its own key', () => {
    const details = ['interactive.action.sections[0].title: too long'];
    expect(isFaulty('      "title": "x",', details)).toBe(true);
    for (const line of ['  "text": "title"', '  "title"', '  ]']) expect(isFaulty(line, details)).toBe(false);
  });
});
