// Installs the programs that layers of tests need, from Go modules and Debian packages. What is there already is kept,
// except a Go program of another version than the pinned one: the pinned one is installed beside it.
//
//   npm run setup                   all of them, without kube-router, which only scripts/baseImages.mjs needs
//   npm run setup -- helm chromium  some
//   npm run setup -- kubernetes     only the programs of a control plane, which `kubectl waba local fetch` finds
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { isInstalled, PATH, TOOLS } from './tools.mjs';

const KUBERNETES = 'kubernetes';
const DEADLINE_MS = { go: 15 * 60_000, apt: 10 * 60_000, kubernetes: 25 * 60_000 };
const installable = Object.keys(TOOLS).filter((name) => !TOOLS[name].see);

const names = process.argv.slice(2);
const unknown = names.filter((name) => name !== KUBERNETES && !installable.includes(name));
if (unknown.length > 0) {
  console.error(`can't install ${unknown.join(', ')}; there are: ${[...installable, KUBERNETES].join(', ')}`);
  process.exit(2);
}
const isWanted = (name) => (names.length === 0 ? !TOOLS[name]?.onRequest : names.includes(name));

const failed = [];
function step(what, timeout, program, args, env = {}) {
  console.log(`── ${what}`);
  const started = performance.now();
  const { status } = spawnSync(program, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout,
    env: { ...process.env, PATH, ...env },
  });
  console.log(`${what}: ${Math.round((performance.now() - started) / 1000)} s`);
  if (status !== 0) failed.push(what);
  return status === 0;
}

const missing = installable.filter(isWanted).filter((name) => !isInstalled(name));
for (const name of missing.filter((name) => TOOLS[name].go))
  step(name, DEADLINE_MS.go, 'go', ['install', '-trimpath', TOOLS[name].go], { CGO_ENABLED: '0' });

const packages = [...new Set(missing.flatMap((name) => TOOLS[name].apt ?? []))];
if (packages.length > 0) {
  const [program, ...env] = [
    ...(process.getuid?.() === 0 ? [] : ['sudo']),
    'env',
    'DEBIAN_FRONTEND=noninteractive',
  ];
  const apt = (what, ...args) => step(what, DEADLINE_MS.apt, program, [...env, 'apt-get', '-qq', ...args]);
  apt('package lists', 'update');
  apt(packages.join(' '), 'install', '--yes', '--no-install-recommends', ...packages);
}

if (isWanted(KUBERNETES)) {
  const cli = 'dist/kubectl-waba.js';
  if (existsSync(cli) || step('build', DEADLINE_MS.apt, 'npm', ['run', '--silent', 'build']))
    step('Kubernetes programs', DEADLINE_MS.kubernetes, process.execPath, [cli, 'local', 'fetch']);
}

for (const what of failed) console.error(`FAILED: ${what}`);
process.exitCode = failed.length > 0 ? 1 : 0;
