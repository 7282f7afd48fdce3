import { validateHeaderValue } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contentDisposition } from './contentDisposition.ts';

describe('the name of a document in a header', () => {
  it.each([
    [undefined, 'attachment'],
    ['', 'attachment'],
    ['invoice.pdf', 'attachment; filename=invoice.pdf'],
    ['my invoice.pdf', 'attachment; filename="my invoice.pdf"'],
    ['a;b=c.pdf', 'attachment; filename="a;b=c.pdf"'],
    ['say "hi".pdf', `attachment; filename="say _hi_.pdf"; filename*=UTF-8''say%20%22hi%22.pdf`],
    ['Übersicht.pdf', `attachment; filename="_bersicht.pdf"; filename*=UTF-8''%C3%9Cbersicht.pdf`],
    ["it's (1)*.pdf", `attachment; filename="it's (1)*.pdf"`],
    ['../../etc/passwd', 'attachment; filename=.._.._etc_passwd'],
    ['x\r\nset-cookie: a=b', 'attachment; filename="x__set-cookie: a=b"'],
    ['\ud800.pdf', 'attachment; filename=_.pdf'],
  ])('%j is written as %s', (name, header) => {
    expect(contentDisposition(name)).toBe(header);
  });

  it('never breaks the header, whatever it is, and stays readable', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (name) => {
        const header = contentDisposition(name);
        validateHeaderValue('content-disposition', header);
        expect(header).toMatch(
          /^attachment(; filename=([\w!#$&+.^`|~-]+|"[ -!#-~]*"))?(; filename\*=UTF-8''[\w!#$&+.^`|~%-]+)?$/,
        );
      }),
    );
  });
});
