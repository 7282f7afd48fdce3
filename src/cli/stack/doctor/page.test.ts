import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { stackChecks } from './checks.ts';
import { installationChecks } from './installationChecks.ts';

const page = readFileSync('docs/doctor.md', 'utf8');
const ids = [...installationChecks, ...stackChecks].map(({ id }) => id);

describe('docs/doctor.md', () => {
  it('quotes the output with the checks that there are', () => {
    const quoted = [...page.matchAll(/^ {4}[✔!✘?] ([\w-]+) /gm)].map(([, id]) => id ?? '');
    expect(quoted.length).toBeGreaterThan(ids.length);
    expect(quoted.filter((id) => !ids.includes(id))).toEqual([]);
    // On the cluster of the quotation, no checks but these are absent: one is only for the client of the vendor, the others
    // only for a stack with the Cloud API behind it.
    const absent = ['hosts', 'cloud-token', 'cloud-webhook', 'cloud-number'];
    expect(ids.filter((id) => !quoted.includes(id))).toEqual(absent);
  });

  it('has every check in its tables', () => {
    for (const id of ids) expect(page).toContain(`| \`${id}\` |`);
  });
});
