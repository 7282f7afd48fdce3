import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

/** A room is a folder under `src` or `tools`; the room of a file is the longest of these paths that holds it. */
const FACTS = ['operator/resource', 'onprem', 'cloud', 'engine/kube', 'backup/contract'];
const RENDER = [...FACTS, 'operator/plan/facts'];
const DECIDE = [...RENDER, 'operator/plan/render', 'operator/plan/tell'];
const STATE = [...RENDER, 'operator/plan/render', 'engine/controller', 'base'];
const CONTROLLERS = [
  ...STATE,
  'operator/plan/decide',
  'operator/plan/tell',
  'operator/plan/foresee',
  'operator/state',
  'client',
  'base/pki',
];
const OPERATOR = [
  ...CONTROLLERS,
  'operator/exporter',
  'operator/backups',
  'operator/application',
  'operator/workloads',
];
const CLI = [
  'base',
  'base/pki',
  'onprem',
  'engine/kube',
  'client',
  'operator/resource',
  'operator/plan/facts',
  'operator/plan/render',
  'operator/plan/foresee',
  'operator/state',
  'local',
];
const STORE = ['base', 'base/pki', 'onprem', 'stack/wire'];
const STACK = [...STORE, 'stack/store'];

/** Which rooms a room may import besides its own, type imports included. Lower floors come first. */
const ALLOWED: Record<string, readonly string[]> = {
  base: [],
  'base/pki': ['base'],
  'base/postgres': ['base'],
  'base/mariadb': ['base'],
  onprem: [],
  cloud: ['onprem'],
  'backup/contract': [],
  control: [],
  testcontainers: ['control'],
  'engine/kube': ['base'],
  'engine/controller': ['engine/kube', 'base'],
  'engine/simulation': ['engine/kube', 'base'],
  engine: ['engine/kube', 'engine/controller', 'engine/simulation', 'base'],
  client: ['onprem', 'cloud', 'base'],
  backup: ['backup/contract', 'onprem', 'base', 'client'],
  'operator/resource': ['onprem', 'cloud', 'backup/contract'],
  'operator/plan/facts': FACTS,
  'operator/plan/render': RENDER,
  'operator/plan/tell': [...RENDER, 'base'],
  'operator/plan/decide': DECIDE,
  'operator/plan/foresee': [...DECIDE, 'operator/plan/decide', 'base/pki'],
  'operator/state': STATE,
  'operator/exporter': [...RENDER, 'operator/plan/tell', 'client', 'base'],
  'operator/workloads': CONTROLLERS,
  'operator/backups': CONTROLLERS,
  'operator/application': [...CONTROLLERS, 'operator/exporter'],
  operator: OPERATOR,
  'stack/wire': ['base', 'onprem'],
  'stack/store': STORE,
  'stack/http': [],
  'stack/network/page': ['control', 'stack/network', 'stack/wire'],
  'stack/network': ['base', 'onprem', 'stack/wire', 'stack/http', 'stack/network/page'],
  'stack/graph': ['base', 'onprem', 'cloud', 'stack/wire', 'stack/http', 'stack/network'],
  'stack/cloud': ['base', 'onprem', 'cloud', 'stack/wire', 'stack/network'],
  'stack/webapp': [...STACK, 'stack/http', 'cloud'],
  'stack/coreapp/webhooks': [...STACK, 'stack/coreapp'],
  'stack/coreapp/messages': [...STACK, 'stack/coreapp/webhooks', 'stack/coreapp'],
  'stack/coreapp': [...STACK, 'stack/coreapp/webhooks', 'stack/coreapp/messages'],
  stack: [
    ...STACK,
    'base/postgres',
    'stack/webapp',
    'stack/coreapp',
    'stack/network',
    'stack/graph',
    'stack/cloud',
  ],
  local: ['base', 'base/pki', 'base/postgres', 'engine/kube', 'engine/controller'],
  'cli/stack': [...CLI, 'cli'],
  'cli/quickstart': [...CLI, 'cli', 'cli/stack'],
  cli: [...CLI, 'cli/stack', 'cli/quickstart'],
  bin: [
    ...CLI,
    'base/postgres',
    'base/mariadb',
    'backup',
    'backup/contract',
    'operator',
    'stack',
    'stack/webapp',
    'stack/network',
    'stack/graph',
    'stack/cloud',
    'cloud',
    'control',
    'cli',
  ],
  'tools/generate': [
    'engine/kube',
    'operator/exporter',
    'operator/resource',
    'operator/plan/tell',
    'cli',
    'cli/stack',
    'stack/http',
    'stack/webapp',
    'stack/network',
    'stack/graph',
    'stack',
    'base',
    'onprem',
    'cloud',
  ],
};
const ROOMS = Object.keys(ALLOWED).sort((a, b) => b.length - a.length);

/** `plan` is pure: of Node it may use only hashing. */
const PURE = { folder: 'src/operator/plan', builtins: ['node:crypto'] };

const files = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => join(folder, name));

const sources = (): string[] => [...files('src'), ...files('tools')];

const imports = (file: string): string[] =>
  [...readFileSync(file, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].flatMap(
    ([, path]) => path ?? [],
  );

/** The files of this repository that a file imports. */
const targets = (file: string): string[] =>
  imports(file)
    .filter((path) => path.startsWith('.'))
    .map((path) => normalize(join(dirname(file), path)));

const roomOf = (file: string): string | undefined => {
  const path = file.replace(/^src\//, '');
  return ROOMS.find((room) => path.startsWith(`${room}/`));
};

const isAncestor = (a: string, b: string): boolean => b.startsWith(`${a}/`);

/** Import cycles: files that import themselves indirectly, each with its path. */
function circles(): string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start !== -1) return void found.push([...path.slice(start), file].join(' → '));
    if (done.has(file)) return;
    for (const target of targets(file).filter((name) => name.endsWith('.ts'))) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of sources()) visit(file, []);
  return found;
}

describe('the import rules', () => {
  it('know the room of every file', () => {
    expect(sources().filter((file) => roomOf(file) === undefined)).toEqual([]);
  });

  it('name no empty room', () => {
    const lived = new Set(sources().map(roomOf));
    expect(ROOMS.filter((room) => !lived.has(room))).toEqual([]);
  });

  it('hold in every file', () => {
    const violations = sources().flatMap((file) => {
      const room = roomOf(file) ?? '';
      return targets(file)
        .map(roomOf)
        .filter((target) => target !== room && !ALLOWED[room]?.includes(target ?? ''))
        .map((target) => `${file} imports ${target}`);
    });
    expect(violations).toEqual([]);
  });

  it('allow no cycle between files', () => {
    expect(circles()).toEqual([]);
  });

  it('lead from higher floors to lower ones', () => {
    const order = Object.keys(ALLOWED);
    const backwards = order.flatMap((room, index) =>
      (ALLOWED[room] ?? [])
        // A folder and its subfolders may import each other; the test for cycles between files covers them.
        .filter((target) => !isAncestor(room, target) && !isAncestor(target, room))
        .filter((target) => order.indexOf(target) >= index)
        .map((target) => `${room} → ${target}`),
    );
    expect(backwards).toEqual([]);
  });

  it('keep plan free of I/O', () => {
    const violations = files(PURE.folder).flatMap((file) =>
      imports(file)
        .filter((path) => path.startsWith('node:') && !PURE.builtins.includes(path))
        .map((path) => `${file} imports ${path}`),
    );
    expect(violations).toEqual([]);
  });

  it('keep the engine free of domain words, so that it could be a library of its own', () => {
    const domain = /whatsapp|webapp|coreapp|multiconnect|onprem|waba/i;
    expect(files('src/engine').filter((file) => domain.test(readFileSync(file, 'utf8')))).toEqual([]);
  });

  it('leave argv and the environment to bin', () => {
    const readers = files('src').filter(
      (file) => roomOf(file) !== 'bin' && /process\.(argv|env)\b/.test(readFileSync(file, 'utf8')),
    );
    // The PATH for child processes, and a file that is preloaded into other processes.
    expect(readers.sort()).toEqual(['src/base/childProcess.ts', 'src/local/preload/podNetwork.ts']);
  });
});
