import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

/** Folders with citations. Pages of docs/onprem link to one another instead. */
const FOLDERS = ['src', 'test', 'tools', 'bench', 'scripts', 'docs/decisions'];

/** `docs/onprem/PAGE.md §7.1`, `§2, §3` or `§4–6`. */
const CITATION = /(docs\/[\w/-]+\.md) (§\d+(?:\.\d+)*(?:(?:, §|–)\d+(?:\.\d+)*)*)/g;

const files = FOLDERS.flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|mjs|md)$/.test(name) && !name.includes('node_modules'))
    .map((name) => join(folder, name)),
).filter((file) => !file.endsWith('citations.test.ts'));

const sectionsOf = (page: string): Set<string | undefined> =>
  new Set(
    [...readFileSync(page, 'utf8').matchAll(/^#{2,3} (\d+(?:\.\d+)?)\.? /gm)].map(([, number]) => number),
  );

/** Every cited section, once for each file that cites it. */
const citations = files.flatMap((file) =>
  [...readFileSync(file, 'utf8').matchAll(CITATION)].flatMap(([, page = '', sections = '']) =>
    [...sections.matchAll(/\d+(?:\.\d+)*/g)].map(([section]) => ({ file, page, section })),
  ),
);

describe('citations of the facts in docs/onprem', () => {
  it('are found by this test', () => {
    expect(citations.length).toBeGreaterThan(50);
  });

  it('name a page and a section that exist', () => {
    const missing = citations
      .filter(({ page, section }) => !existsSync(page) || !sectionsOf(page).has(section))
      .map(({ file, page, section }) => `${file} cites ${page} §${section}`);
    expect(missing).toEqual([]);
  });

  it('name existing pages of any folder', () => {
    const missing = files.flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/docs\/(?:onprem|decisions)\/[\w-]+(?:\.\w+)?/g)]
        .filter(([path]) => !existsSync(path))
        .map(([path]) => `${file} names ${path}`),
    );
    expect(missing).toEqual([]);
  });

  it('have one form, so that this test finds all of them', () => {
    const others = files.flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/\bSource(?:, for [^:]+)?:[\s*]+(\S+( §\d)?)/g)]
        .filter(([, cited = '']) => !/^(docs\/onprem\/[\w-]+\.md §\d|https?:\/\/)/.test(cited))
        .map(([text]) => `${file}: ${text}`),
    );
    expect(others).toEqual([]);
  });
});
