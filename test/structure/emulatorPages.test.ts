import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const FOLDER = 'docs/emulator';
const pages = readdirSync(FOLDER).map((name) => ({ name, text: readFileSync(join(FOLDER, name), 'utf8') }));
const index = readFileSync('docs/emulator.md', 'utf8');

/** A link to a file in examples at the end of a sentence, and the block of code below it. */
const QUOTED = /\]\(([^)]*\/examples\/[^)]+)\)[^\n]*:\n\n```\w+\n([\s\S]*?)```/g;
const quoted = pages.flatMap(({ name, text }) =>
  [...text.matchAll(QUOTED)].map(([, target = '', code]) => ({ name, file: join(FOLDER, target), code })),
);

describe('the pages of the emulator', () => {
  it('are all in the list of tasks', () => {
    expect(pages.filter(({ name }) => !index.includes(`](emulator/${name})`))).toEqual([]);
  });

  it('begin with the command that does the task', () => {
    expect(pages.filter(({ text }) => !/^# .+\n\n```\n(npx|curl|docker) /.test(text))).toEqual([]);
  });

  it('quote examples as they are', () => {
    for (const { name, file, code } of quoted)
      expect([name, file, code]).toEqual([name, file, readFileSync(file, 'utf8')]);
  });

  it('quote every example that there is', () => {
    const files = ['emulator', 'clients', 'testcontainers'].flatMap((name) =>
      readdirSync(join('examples', name))
        // What package managers read and write there.
        .filter((file) => !/^(package.*\.json|\.npmrc|node_modules|go\.(mod|sum))$/.test(file))
        .map((file) => join('examples', name, file)),
    );
    expect(quoted.map(({ file }) => file).sort()).toEqual(
      [...files, 'examples/emulator-compose.yaml'].sort(),
    );
  });
});
