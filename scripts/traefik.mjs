// Builds Traefik from Go modules, without two things that are most of its code: the DNS providers that ACME can ask for
// certificates, of which the module proxy lacks some, and the provider of AWS ECS, whose SDK needs 3 GB of memory to
// compile. Its routing and its Gateway API are as released.
import { execFileSync } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const TRAEFIK_VERSION = 'v3.7.13';

const MODULE = 'github.com/traefik/traefik/v3';
const LEGO = 'github.com/go-acme/lego/v5';
/** The module proxy has an older state of Traefik's fork of this module, which checks passwords: routes use none. */
const AUTH = 'github.com/abbot/go-http-auth';
const AUTH_FORK = 'github.com/containous/go-http-auth@v0.4.1-0.20200324110947-a37a7636d23e';
const STUBS = 'test/images/traefik/stubs';

/** Writes the program to `file`. */
export async function buildTraefik(file) {
  const work = await mkdtemp(join(tmpdir(), 'waba-traefik-'));
  const source = join(work, 'traefik');
  const lego = join(work, 'lego');
  const go = (...args) =>
    execFileSync('go', args, {
      cwd: source,
      encoding: 'utf8',
      env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=mod' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  try {
    await mkdir(source);
    const { Dir: released } = JSON.parse(go('mod', 'download', '-json', `${MODULE}@${TRAEFIK_VERSION}`));
    await copyWritable(released, source);
    await cp(join(STUBS, 'ext'), join(source, 'pkg/config/dynamic/ext'), { recursive: true });
    await rm(join(source, 'pkg/provider/ecs'), { recursive: true });
    await cp(join(STUBS, 'ecs'), join(source, 'pkg/provider/ecs'), { recursive: true });
    const { Dir: legoReleased } = JSON.parse(go('mod', 'download', '-json', LEGO));
    await copyWritable(legoReleased, lego, (path) => !path.startsWith(join(legoReleased, 'providers')));
    await cp(join(STUBS, 'dns'), join(lego, 'providers/dns'), { recursive: true });
    go('mod', 'edit', '-replace', `${LEGO}=${lego}`, '-replace', `${AUTH}=${AUTH_FORK}`);
    go('build', '-trimpath', '-ldflags', '-s -w', '-o', file, './cmd/traefik');
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The module cache is read-only. */
async function copyWritable(from, to, filter = () => true) {
  await cp(from, to, { recursive: true, filter });
  for (const entry of await readdir(to, { recursive: true, withFileTypes: true }))
    if (!entry.isSymbolicLink())
      await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o755 : 0o644);
}
