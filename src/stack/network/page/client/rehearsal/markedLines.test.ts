import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { markedLines, marksOf } from './markedLines.ts';

describe('marked lines', () => {
  it('are the JSON of the value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = markedLines(value, new Map()).map((line) => line.text);
        // What JSON.stringify writes, in which an empty list or object is one line too.
        expect(text.join('\n')).toBe(JSON.stringify(value, undefined, 2));
      }),
    );
  });

  it('are marked where a path names them, in any element of a list', () => {
    const value = { to: '1', messages: [{ id: 'a' }, { id: 'b' }] };
    const marks = marksOf(
      [
        { part: 'body', change: 'changed', from: 'messages[].id', to: 'm[].id', isEnvelope: true },
        { part: 'body', change: 'removed', from: 'to', isEnvelope: false },
        { part: 'answer', change: 'removed', from: 'messages', isEnvelope: false },
      ],
      'body',
      'from',
    );
    const marked = markedLines(value, marks).filter(({ mark }) => mark !== 'same');
    expect(marked.map(({ text, mark }) => `${mark} ${text.trim()}`)).toEqual([
      'removed "to": "1",',
      'changed "id": "a"',
      'changed "id": "b"',
    ]);
  });
});
