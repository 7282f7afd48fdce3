import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Block, type Inline, inline, plainText, richText } from './richText.ts';

const text = (content: string): Inline => ({ kind: 'text', text: content });

describe('the text of a message', () => {
  it.each<[string, Inline[]]>([
    ['*bold* text', [{ kind: 'bold', children: [text('bold')] }, text(' text')]],
    ['_*both*_', [{ kind: 'italic', children: [{ kind: 'bold', children: [text('both')] }] }]],
    ['~gone~, here', [{ kind: 'strike', children: [text('gone')] }, text(', here')]],
    ['run `npm *ci*` now', [text('run '), { kind: 'code', text: 'npm *ci*' }, text(' now')]],
    ['2*3*4 and snake_case_name', [text('2*3*4 and snake_case_name')]],
    ['* not bold * and *not closed', [text('* not bold * and *not closed')]],
    ['<b>no</b>', [text('<b>no</b>')]],
    [
      'see https://shop.example/a?b=1.',
      [
        text('see '),
        { kind: 'link', text: 'https://shop.example/a?b=1', href: 'https://shop.example/a?b=1' },
        text('.'),
      ],
    ],
    ['www.shop.example', [{ kind: 'link', text: 'www.shop.example', href: 'https://www.shop.example' }]],
    [
      'to a.b@shop.example',
      [text('to '), { kind: 'link', text: 'a.b@shop.example', href: 'mailto:a.b@shop.example' }],
    ],
    ['javascript:alert(1)', [text('javascript:alert(1)')]],
  ])('shows %j as on a phone', (line, parts) => {
    expect(inline(line)).toEqual(parts);
  });

  it('has quotes, bullets and code in lines of their own', () => {
    const blocks: Block[] = [
      { kind: 'line', children: [text('Steps:')] },
      { kind: 'bullet', children: [text('one')] },
      { kind: 'quote', children: [text('said')] },
      { kind: 'code', text: 'a *b*\nc' },
      { kind: 'line', children: [text('end')] },
    ];
    expect(richText('Steps:\n- one\n> said\n```\na *b*\nc\n```\nend')).toEqual(blocks);
  });

  it('loses nothing but marks, and links only to pages and addresses', () => {
    const hostile = fc.string({
      unit: fc.constantFrom('*', '_', '~', '`', ' ', '\n', 'a', '1', 'http://', 'x.y', '@', '>'),
    });
    fc.assert(
      fc.property(hostile, (line) => {
        const bare = (given: string) => given.replace(/[*_~`\n> -]/g, '');
        const blocks = richText(line);
        const seen = plainText(line);
        expect(bare(seen)).toBe(bare(line));
        expect(JSON.stringify(blocks)).not.toMatch(/"href":"(?!https?:|mailto:)/);
      }),
    );
  });
});
