import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Licences that let us redistribute a package in an image if we pass on its text. */
const FREE = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT'];

interface Bom {
  readonly components: readonly {
    readonly name: string;
    readonly version: string;
    readonly licenses: readonly { readonly expression: string }[];
  }[];
}

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'waba-images-'));
  await promisify(execFile)(process.execPath, ['scripts/build.mjs', '--quiet', '--images', root]);
}, 60_000);
afterAll(() => rm(root, { recursive: true }));

describe.each(['waba-operator', 'waba-stack'])('the image %s', (image) => {
  const read = (file: string) => readFile(join(root, image, 'usr/share/doc', image, file), 'utf8');

  it('lists every bundled package with its licence, for people and for scanners', async () => {
    const { components } = JSON.parse(await read('bom.cdx.json')) as Bom;
    expect(components.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['zod', 'winston', 'prom-client']),
    );
    const notices = await read('THIRD-PARTY-NOTICES');
    for (const { name, version, licenses } of components) {
      expect(FREE).toContain(licenses[0]?.expression);
      expect(notices).toContain(`${name} ${version} (`);
    }
    expect(await read('LICENSE')).toContain('Apache License');
  });

  it('lists no package of which nothing is in the bundle', async () => {
    const { components } = JSON.parse(await read('bom.cdx.json')) as Bom;
    const names = components.map(({ name }) => name);
    expect(names.includes('mysql2')).toBe(image === 'waba-stack');
    expect(names).not.toContain('vitest');
  });
});
