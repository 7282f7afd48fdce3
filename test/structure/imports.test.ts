import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

/** Which folders of src may import which others, type imports included. Own folder always. */
const ALLOWED: Record<string, readonly string[]> = {
  runtime: [],
  pki: ['runtime'],
  postgres: ['runtime'],
  onprem: [],
  resource: ['onprem'],
  chart: ['resource'],
  monitoring: [],
  kube: ['runtime'],
  controller: ['kube', 'runtime'],
  client: ['onprem', 'runtime'],
  plan: ['onprem', 'resource', 'kube'],
  exporter: ['onprem', 'resource', 'client', 'plan', 'runtime'],
  reconcile: ['onprem', 'resource', 'kube', 'client', 'plan', 'controller', 'exporter', 'runtime', 'pki'],
  emulator: ['onprem', 'runtime', 'pki', 'postgres'],
  local: ['kube', 'controller', 'runtime', 'pki', 'postgres'],
  cli: ['onprem', 'resource', 'kube', 'client', 'plan', 'controller', 'reconcile', 'local', 'runtime', 'pki'],
  bin: [
    'onprem',
    'resource',
    'chart',
    'monitoring',
    'kube',
    'client',
    'plan',
    'controller',
    'reconcile',
    'local',
    'emulator',
    'postgres',
    'cli',
    'runtime',
    'pki',
  ],
};

/** Inside `plan` everything is computed from values: nothing of Node but hashing. */
const PURE = { folder: 'plan', builtins: ['node:crypto'] };

const files = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => join(folder, name));

const imports = (file: string): string[] =>
  [...readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].flatMap(
    ([, path]) => path ?? [],
  );

const folderOf = (file: string): string => relative('src', file).split('/')[0] ?? '';

describe('the import rules', () => {
  it('know every folder of src', () => {
    const folders = readdirSync('src', { withFileTypes: true }).filter(
      (entry) => entry.isDirectory() && files(join('src', entry.name)).length > 0,
    );
    expect(folders.map(({ name }) => name).filter((name) => !ALLOWED[name])).toEqual([]);
  });

  it('hold in every file', () => {
    const violations = files('src').flatMap((file) =>
      imports(file)
        .filter((path) => path.startsWith('.'))
        .map((path) => folderOf(normalize(join(dirname(file), path))))
        .filter((target) => target !== folderOf(file) && !ALLOWED[folderOf(file)]?.includes(target))
        .map((target) => `${file} imports ${target}`),
    );
    expect(violations).toEqual([]);
  });

  it('keep plan free of input and output', () => {
    const violations = files(join('src', PURE.folder)).flatMap((file) =>
      imports(file)
        .filter((path) => path.startsWith('node:') && !PURE.builtins.includes(path))
        .map((path) => `${file} imports ${path}`),
    );
    expect(violations).toEqual([]);
  });

  it('keep the engine free of the domain, so that it could stand on its own', () => {
    const domain = /whatsapp|webapp|coreapp|multiconnect|onprem/i;
    const offenders = ['kube', 'controller']
      .flatMap((folder) => files(join('src', folder)))
      .filter((file) => domain.test(readFileSync(file, 'utf8')));
    expect(offenders).toEqual([]);
  });

  it('have no loops between folders', () => {
    const order = Object.keys(ALLOWED);
    const backwards = order.flatMap((folder, index) =>
      (ALLOWED[folder] ?? [])
        .filter((target) => order.indexOf(target) >= index)
        .map((target) => `${folder} → ${target}`),
    );
    expect(backwards).toEqual([]);
  });

  it('leave argv and the environment to bin', () => {
    const readers = files('src').filter(
      (file) => folderOf(file) !== 'bin' && /process\.(argv|env)\b/.test(readFileSync(file, 'utf8')),
    );
    // The PATH of this very process, and a file that is loaded into processes of others.
    expect(readers.sort()).toEqual(['src/local/preload/podNetwork.ts', 'src/runtime/childProcess.ts']);
  });
});
