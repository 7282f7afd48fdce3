import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { deathBound, findExecutable } from '../../base/childProcess.ts';

export interface NamespaceRequest {
  readonly argv: readonly [string, ...string[]];
  readonly cwd: string | undefined;
  /** Path in the container → folder or file of this machine. */
  readonly mounts: ReadonlyMap<string, string>;
  /** Folders of the machine that stay visible when a volume is mounted above them, at `/tmp` for example. */
  readonly keep?: readonly string[];
  /** An empty folder that becomes the root of the namespace. It stays empty outside. */
  readonly scratch: string;
}

const OLD_ROOT = '/.old-root';

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * Wraps a command so that it runs in a mount namespace of its own, in which each path of `mounts` shows its folder. The
 * paths need not exist on the machine: the namespace gets a new root, and nothing outside changes.
 */
export function inMountNamespace({
  argv,
  cwd,
  mounts,
  keep = [],
  scratch,
}: NamespaceRequest): [string, ...string[]] {
  mkdirSync(scratch, { recursive: true });
  const targets = new Map([...mounts].map(([path, source]) => [resolveExisting(path), source]));
  const hidden = [...new Set(keep.map(resolveExisting))].filter((path) =>
    [...targets.keys()].some((target) => path.startsWith(`${target}/`)),
  );
  const script = [
    'set -e',
    `mount -t tmpfs -o mode=755 tmpfs ${quote(scratch)}`,
    ...assemble('/', scratch, [...targets.keys()]),
    // Short paths first, because a nested mount must follow the outer one.
    ...[...targets]
      .sort(([a], [b]) => a.length - b.length)
      .flatMap(([path, source]) => bind(source, join(scratch, path))),
    ...hidden.sort().flatMap((path) => bind(path, join(scratch, path))),
    // Not chroot, because the kernel forbids new user namespaces inside a chroot, and PostgreSQL needs one.
    `mkdir ${quote(join(scratch, OLD_ROOT))}`,
    `cd ${quote(scratch)}`,
    `${quote(findExecutable('pivot_root') ?? '/sbin/pivot_root')} . .${OLD_ROOT}`,
    `umount -l ${OLD_ROOT}`,
    `rmdir ${OLD_ROOT}`,
    `cd ${quote(cwd ?? '/')}`,
    'exec "$@"',
  ].join('\n');
  const unshare = findExecutable('unshare') ?? 'unshare';
  const flags = process.getuid?.() === 0 ? ['-m'] : ['-U', '-r', '-m'];
  // Entering a namespace clears the parent-death signal, so setpriv sets it again inside.
  return [unshare, ...flags, ...deathBound, '/bin/sh', '-c', script, 'sh', ...argv];
}

/** Whether this user can create such namespaces here; some distributions forbid user namespaces. */
export function canMount(): boolean {
  if (process.platform !== 'linux') return false;
  const scratch = mkdtempSync(join(tmpdir(), 'waba-mount-'));
  try {
    const [program, ...args] = inMountNamespace({
      // PostgreSQL needs a user namespace of its own, inside.
      argv: [
        '/bin/sh',
        '-c',
        'test -d /waba-probe/below && unshare -U --map-user=65534 --map-group=65534 true',
      ],
      cwd: undefined,
      mounts: new Map([['/waba-probe/below', tmpdir()]]),
      scratch: join(scratch, 'root'),
    });
    execFileSync(program, args, { stdio: 'ignore', timeout: 10_000 });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Shell commands that show `folder` below `root`; folders above a target are recreated entry by entry. */
function assemble(folder: string, root: string, targets: readonly string[]): string[] {
  return readdirSync(folder).flatMap((name): string[] => {
    const path = join(folder, name);
    const here = join(root, path);
    const status = lstatSync(path, { throwIfNoEntry: false });
    if (!status || targets.includes(path)) return [];
    if (status.isSymbolicLink()) return [`ln -s ${quote(readlinkSync(path))} ${quote(here)}`];
    if (status.isDirectory() && targets.some((target) => target.startsWith(`${path}/`))) {
      return [`mkdir -p ${quote(here)}`, ...assemble(path, root, targets)];
    }
    return status.isDirectory() || status.isFile() ? bind(path, here, status.isDirectory()) : [];
  });
}

function bind(source: string, target: string, folder = lstatSync(source).isDirectory()): string[] {
  const place = folder
    ? `mkdir -p ${quote(target)}`
    : `mkdir -p ${quote(dirname(target))}; [ -e ${quote(target)} ] || : > ${quote(target)}`;
  return [place, `mount --rbind ${quote(source)} ${quote(target)}`];
}

/** `/var/run/x` → `/run/x` if `/var/run` is a link, because a mount needs a real folder. */
function resolveExisting(path: string): string {
  if (path === '/') return path;
  try {
    return realpathSync(path);
  } catch {
    return join(resolveExisting(dirname(path)), path.slice(path.lastIndexOf('/') + 1));
  }
}
