import { describe, expect, it } from 'vitest';
import { errorCatalogue } from '../../../onprem/errorCatalogue.ts';
import { apiFault } from '../../wire/apiFault.ts';
import { errorCodes, errorHelp, errorIndex, errorPage } from './errorPage.ts';
import { llmsText } from './llmsText.ts';

describe('the page of an error', () => {
  it.each(errorCodes().map((code) => [code]))('%i has a title, and tells how to make it happen', (code) => {
    const help = errorHelp(code);
    expect(help?.title).not.toBe('');
    expect(help?.triggers.length).toBeGreaterThan(0);
    expect(help && errorPage(help)).toContain(`<h1>${code} `);
    expect(errorIndex()).toContain(`href="/errors/${code}"`);
    expect(llmsText()).toContain(`(/errors/${code})`);
  });

  it('has the status of the catalogue, and says what may be tried again', () => {
    const status = errorCatalogue[1016].httpStatus;
    expect(errorHelp(1016)?.where).toEqual([
      `In the answer of a call, with HTTP ${status}; the same call may succeed later.`,
    ]);
    expect(errorHelp(1013)?.where).toHaveLength(2);
    expect(errorHelp(470)?.triggers.at(-1)).toContain('{"failsWith":470}');
  });

  it('has a fault for messages of the type that the error is about', () => {
    const faults = [2003, 2036, 1016].map((code) =>
      JSON.parse(errorHelp(code)?.triggers.at(-1)?.slice(28) ?? ''),
    );
    expect(faults.map(({ type }) => type)).toEqual(['template', 'interactive', undefined]);
    for (const fault of faults) expect(apiFault.safeParse(fault).success).toBe(true);
  });

  it('shows texts as texts', () => {
    const hostile = '<script>&"';
    const page = errorPage({
      code: 1,
      title: hostile,
      cause: hostile,
      cure: '',
      where: [],
      triggers: [hostile],
    });
    expect(page).not.toContain('<script>');
  });

  it('is there for no other code', () => {
    expect([errorHelp(1), errorHelp(Number.NaN)]).toEqual([undefined, undefined]);
  });
});
