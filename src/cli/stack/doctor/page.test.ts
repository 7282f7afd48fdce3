import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { allChecks } from './checks.ts';
import { reportOf, reportText, type Section } from './report.ts';

const page = readFileSync('docs/doctor.md', 'utf8');
const ids = allChecks.map(({ id }) => id);
const groups = new Map(allChecks.map(({ id, group }) => [id, group]));
const MARKS = '✔!✘?';

/** The outputs of `kubectl waba doctor NAME` that the page quotes, without command and exit code. */
const quotes = [...page.matchAll(/^\$ kubectl waba doctor \w+\n([^$]*?)\$ echo \$\?$/gm)].map(
  ([, text = '']) => text,
);

/** What a quoted output says: the sections that the program printed. */
function sectionsOf(text: string): Section[] {
  const sections: (Omit<Section, 'checks'> & { checks: Section['checks'][number][] })[] = [];
  for (const line of text.split('\n')) {
    const [, of, place = ''] = /^(Cluster|Operator|Namespace|Stack)(?: (\S+))?$/.exec(line) ?? [];
    const [, mark = '', id = '', said = ''] = /^ {4}([✔!✘?]) (\S+) +(.*)$/.exec(line) ?? [];
    const more = /^ {10,}(.*)$/.exec(line)?.[1];
    const checks = sections.at(-1)?.checks ?? [];
    if (of) {
      const [namespace, name] = place.split('/');
      const where = { ...(namespace ? { namespace } : {}), ...(name ? { name } : {}) };
      sections.push({ of: of.toLowerCase() as Section['of'], ...where, checks: [] });
    } else if (id) {
      const verdict = (['ok', 'warning', 'failed', 'unknown'] as const)[MARKS.indexOf(mark)] ?? 'ok';
      const evidence = [said.replace(/^could not run: /, '')];
      checks.push({ id, group: groups.get(id) ?? '', verdict, evidence });
    } else if (more !== undefined) {
      const last = checks.pop();
      if (!last) throw new Error(`a line without a check: ${line}`);
      const isRemedy = more.startsWith('→ ');
      checks.push(
        isRemedy ? { ...last, remedy: more.slice(2) } : { ...last, evidence: [...last.evidence, more] },
      );
    }
  }
  return sections;
}

describe('docs/doctor.md', () => {
  it('quotes the output with the checks that there are', () => {
    expect(quotes).toHaveLength(2);
    const quoted = quotes.flatMap(sectionsOf).flatMap(({ checks }) => checks.map(({ id }) => id));
    expect(quoted.length).toBeGreaterThan(ids.length);
    expect(quoted.filter((id) => !ids.includes(id))).toEqual([]);
    // On the cluster of the quotation, no checks but these are absent: one is only for the client of the vendor, the others
    // only for a stack with the Cloud API behind it.
    const absent = ['hosts', 'cloud-token', 'cloud-webhook', 'cloud-number'];
    expect(ids.filter((id) => !quoted.includes(id))).toEqual(absent);
  });

  it.each(quotes.map((text, index) => [index, text]))(
    'quotes output %i as the program prints it',
    (_, text) => {
      const report = reportOf(sectionsOf(String(text)));
      expect(reportText(report, { colour: false })).toBe(text);
      for (const { checks } of report.sections)
        expect(checks.map(({ id }) => id)).toEqual(ids.filter((id) => checks.some((each) => each.id === id)));
    },
  );

  it('has every check in its tables', () => {
    for (const id of ids) expect(page).toContain(`| \`${id}\` |`);
  });
});
