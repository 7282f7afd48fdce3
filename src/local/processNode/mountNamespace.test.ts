import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { canMount, inMountNamespace } from './mountNamespace.ts';

const folder = mkdtempSync(join(tmpdir(), 'waba-mounts-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// Some containers forbid namespaces altogether; then the process node rewrites paths, which has tests of its own.
describe.runIf(canMount())('a mount namespace', () => {
  it('shows volumes at paths that the machine does not have, files too, and leaves no trace', () => {
    const media = join(folder, 'media');
    mkdirSync(media);
    writeFileSync(join(media, 'a.txt'), 'media');
    writeFileSync(join(folder, 'hosts'), '127.0.0.1 elsewhere\n');
    const scratch = join(folder, "it's a root");
    const [program, ...args] = inMountNamespace({
      argv: [
        '/bin/sh',
        '-c',
        'pwd; cat a.txt; cat /etc/hosts; echo "$1"; echo written > /usr/local/wamedia/b.txt; test -x /bin/sh; unshare -U true; ls -A / | grep old-root || true',
        'sh',
        "an 'argument'",
      ],
      cwd: '/usr/local/wamedia',
      mounts: new Map([
        ['/usr/local/wamedia', media],
        ['/var/run/secrets/deep/er', media],
        ['/etc/hosts', join(folder, 'hosts')],
      ]),
      scratch,
    });
    expect(execFileSync(program, args, { encoding: 'utf8' })).toBe(
      "/usr/local/wamedia\nmedia127.0.0.1 elsewhere\nan 'argument'\n",
    );
    expect(readdirSync(media).sort()).toEqual(['a.txt', 'b.txt']);
    expect(readdirSync(scratch)).toEqual([]);
    expect(existsSync('/usr/local/wamedia')).toBe(false);
  });

  it('keeps what a mount would hide, so that a program below /tmp still runs with a volume at /tmp', () => {
    const folder = mkdtempSync(join(tmpdir(), 'waba-keep-'));
    const [volume, programs] = [join(folder, 'volume'), join(folder, 'programs')];
    for (const path of [volume, programs]) mkdirSync(path);
    writeFileSync(join(programs, 'run'), '#!/bin/sh\nls /tmp\n', { mode: 0o755 });
    const run = (keep: string[]) => {
      const [program, ...args] = inMountNamespace({
        argv: [join(programs, 'run')],
        cwd: undefined,
        mounts: new Map([[tmpdir(), volume]]),
        keep,
        scratch: join(folder, 'root'),
      });
      return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    };
    expect(() => run([])).toThrow();
    expect(run([programs]).trim()).toBe(basename(folder));
  });
});
