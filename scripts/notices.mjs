// Which packages a bundle contains, with their licences: as text for people, and as CycloneDX for scanners. Scanners of
// images find no bundled package by themselves.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The packages of which something is in a bundle, by esbuild's metafile, sorted by name. */
export async function packagesIn({ outputs }) {
  const files = Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? [file] : [])),
  );
  const folders = new Set(
    files.flatMap((file) => {
      const [folder] = /^node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+/.exec(file) ?? [];
      return folder ?? [];
    }),
  );
  const packages = await Promise.all([...folders].map(readPackage));
  return packages.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

async function readPackage(folder) {
  const { name, version, license, homepage } = JSON.parse(
    await readFile(join(folder, 'package.json'), 'utf8'),
  );
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  if (typeof license !== 'string') throw new Error(`${folder}/package.json names no licence`);
  return { name, version, license, homepage, texts };
}

export const noticesText = (packages) =>
  packages
    .map(({ name, version, license, texts }) =>
      [`${name} ${version} (${license})`, ...texts].join('\n\n').trimEnd(),
    )
    .join(`\n\n${'-'.repeat(80)}\n\n`)
    .concat('\n');

/** CycloneDX 1.6, as JSON. */
export const bomOf = ({ name, version }, packages) =>
  `${JSON.stringify(
    {
      bomFormat: 'CycloneDX',
      specVersion: '1.6',
      metadata: {
        component: { type: 'application', name, version, licenses: [{ expression: 'Apache-2.0' }] },
      },
      components: packages.map((one) => ({
        type: 'library',
        name: one.name,
        version: one.version,
        purl: `pkg:npm/${one.name.replace('@', '%40')}@${one.version}`,
        licenses: [{ expression: one.license }],
      })),
    },
    undefined,
    2,
  )}\n`;
