// Writes the Go module from which `kubectl waba local` and the tests build the programs of one version of Kubernetes, with its
// checksums: src/local/kubernetes/VERSION. It asks Go's module proxy, and the checksum database where Go is set up for one.
//
//   node scripts/kubernetesModule.mjs v1.37.2
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PATH } from './tools.mjs';

const FOLDER = 'src/local/kubernetes';

const [version = ''] = process.argv.slice(2);
if (!/^v1\.\d+\.\d+$/.test(version)) {
  console.error('usage: node scripts/kubernetesModule.mjs v1.MINOR.PATCH');
  process.exit(2);
}

const work = mkdtempSync(join(tmpdir(), 'kubernetes-module-'));
const go = (...args) =>
  execFileSync('go', args, {
    cwd: work,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, PATH, GOFLAGS: '-mod=mod', GOWORK: 'off' },
  });

try {
  copyFileSync(join(FOLDER, 'main.go'), join(work, 'main.go'));
  const own = JSON.parse(go('mod', 'download', '-json', `k8s.io/kubernetes@${version}`));
  const published = readFileSync(own.GoMod, 'utf8');
  // Its own go.mod points its parts to folders beside it. Each part is published under a version of its own.
  const parts = [...published.matchAll(/^\s*(k8s\.io\/\S+) => \.\/staging/gm)].map(([, name]) => name);
  const partVersion = version.replace(/^v1\./, 'v0.');
  const goVersion = /^go (\S+)$/m.exec(published)?.[1];
  writeFileSync(
    join(work, 'go.mod'),
    [
      'module waba-operator.dev/local/kubernetes',
      `go ${goVersion}`,
      `require k8s.io/kubernetes ${version}`,
      `replace (\n${parts.map((name) => `\t${name} => ${name} ${partVersion}`).join('\n')}\n)\n`,
    ].join('\n\n'),
  );
  go('mod', 'tidy');
  const target = join(FOLDER, version);
  mkdirSync(target, { recursive: true });
  for (const name of ['go.mod', 'go.sum']) copyFileSync(join(work, name), join(target, name));
  console.log(`wrote ${target}; add the version to src/local/kubernetesVersions.ts`);
} finally {
  rmSync(work, { recursive: true });
}
