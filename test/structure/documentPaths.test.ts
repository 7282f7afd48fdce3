import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

const pages = [
  ...readdirSync('.').filter((name) => name.endsWith('.md')),
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

/** A path that starts with a folder of this repository, in a sentence, a table or a command. */
const OUR_PATH =
  /(?<![\w./:-])((?:src|docs|test|tools|bench|scripts|charts|examples|deploy|dashboards|crds)\/[\w./*-]*[\w*])/g;
/** `Applier.ensure` (`src/engine/kube/applier.ts`). */
const NAME_IN_FILE = /`([\w.]+)`\s+\(`(src\/[\w./-]+\.ts)`/g;
const LINK = /\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)/g;

const matches = (page: string, pattern: RegExp): string[] =>
  [...readFileSync(page, 'utf8').matchAll(pattern)].flatMap(([, path]) => path ?? []);

describe('the documentation', () => {
  it('links to pages and files that exist', () => {
    const broken = pages.flatMap((page) =>
      matches(page, LINK)
        .filter((target) => !/^[a-z]+:/.test(target))
        .filter((target) => !existsSync(normalize(join(dirname(page), target))))
        .map((target) => `${page} links to ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it('names files and folders that exist', () => {
    const missing = pages.flatMap((page) =>
      matches(page, OUR_PATH)
        // For a pattern such as `src/stack/*.ts`, its folder must exist.
        .filter((path) => !existsSync(path.includes('*') ? dirname(path) : path))
        .map((path) => `${page} names ${path}`),
    );
    expect(missing).toEqual([]);
  });

  it('names identifiers that exist in the file that it names beside them', () => {
    const missing = pages.flatMap((page) =>
      [...readFileSync(page, 'utf8').matchAll(NAME_IN_FILE)]
        .filter(
          ([, name = '', path = '']) => !readFileSync(path, 'utf8').includes(name.split('.').pop() ?? ''),
        )
        .map(([text]) => `${page}: ${text}`),
    );
    expect(missing).toEqual([]);
  });
});
