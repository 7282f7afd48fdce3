// The whole way on a real kubelet: images, chart, stacks, faults, removal. See `npm run e2e -- --help`.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { missingTools, PATH } from './tools.mjs';

const HELP = `npm run e2e [-- options]

Makes a kind cluster of three machines, builds and loads both images, installs the chart and walks through the life of
stacks. Needs docker, kind, kubectl and helm on the PATH.

  --context NAME   use this context of the current kubeconfig; its machines must be able to pull the images
  --values FILE    values for the chart, where the images have other names
  --keep           leave the kind cluster running
  --name NAME      name of the kind cluster (default: waba-e2e)

Variables: KIND_NODE_IMAGE (image of the machines), NODE_BASE and BUILD_BASE (base images of the Dockerfile),
WABA_E2E_DATABASE_IMAGE, WABA_E2E_MARIADB_IMAGE and WABA_E2E_GATEWAY_IMAGE (in place of the official images of PostgreSQL,
MariaDB and Traefik),
WABA_E2E_POLICY_IMAGE (kube-router, if the network plugin of the machines does not enforce NetworkPolicies).`;

const { values } = parseArgs({
  options: {
    context: { type: 'string' },
    values: { type: 'string' },
    keep: { type: 'boolean' },
    name: { type: 'string', default: 'waba-e2e' },
    report: { type: 'string' },
    help: { type: 'boolean' },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const missing = missingTools(['kubectl', 'helm', ...(values.context ? [] : ['docker', 'kind'])]);
for (const { hint } of missing) console.error(hint);
if (missing.length > 0) process.exit(1);

const reporters = values.report
  ? ['--reporter=default', '--reporter=json', `--outputFile.json=${values.report}`]
  : ['--reporter=verbose'];
const { status } = spawnSync(
  'npx',
  ['--no-install', 'vitest', 'run', '--project', 'e2e', '--bail=1', ...reporters],
  {
    stdio: 'inherit',
    env: {
      ...process.env,
      PATH,
      WABA_E2E_NAME: values.name,
      ...(values.context ? { WABA_E2E_CONTEXT: values.context } : {}),
      ...(values.values ? { WABA_E2E_VALUES: values.values } : {}),
      ...(values.keep ? { WABA_E2E_KEEP: '1' } : {}),
    },
  },
);
process.exitCode = status ?? 1;
