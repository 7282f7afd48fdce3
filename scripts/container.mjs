// Builds the image of the emulator, unless WABA_EMULATOR_IMAGE names one, and tests it with Testcontainers. The variables
// BUILD_BASE and NODE_BASE name other base images, as for e2e. Usage: container.mjs REPORT
import { execFileSync } from 'node:child_process';

const [report = 'container.json'] = process.argv.slice(2);
const { WABA_EMULATOR_IMAGE: image = 'waba-emulator:latest', BUILD_BASE, NODE_BASE } = process.env;
const run = (program, args, env = {}) =>
  execFileSync(program, args, { stdio: 'inherit', env: { ...process.env, ...env } });

if (process.env.WABA_EMULATOR_IMAGE === undefined) {
  const bases = Object.entries({ BUILD_BASE, NODE_BASE }).filter(([, value]) => value);
  const flags = bases.flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]);
  run('docker', ['build', '--target', 'emulator', '--tag', image, ...flags, '.'], { DOCKER_BUILDKIT: '1' });
}
run(
  'npx',
  [
    '--no-install',
    'vitest',
    'run',
    '--project',
    'container',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ],
  // Its image comes from a registry, and each test stops what it started.
  { WABA_EMULATOR_IMAGE: image, TESTCONTAINERS_RYUK_DISABLED: 'true' },
);
