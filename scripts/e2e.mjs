// The whole way on a real kubelet: images, chart, stacks, faults, removal. See `npm run e2e -- --help`.
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { missingTools, PATH } from './tools.mjs';

/** A suite is a project of vitest.config.ts. */
const SUITES = ['e2e', 'cloudnative-pg'];

const HELP = `npm run e2e [-- options]

Makes a kind cluster of three machines, builds and loads both images, installs the chart and walks through the life of
stacks. Needs docker, kind, kubectl and helm on the PATH.

  --suite NAME     e2e (default), or cloudnative-pg: the controller of CloudNativePG and its servers, which are killed under
                   load; needs go, for its manifest
  --context NAME   use this context of the current kubeconfig; its machines must be able to pull the images
  --values FILE    values for the chart, where the images have other names
  --keep           leave the kind cluster running
  --name NAME      name of the kind cluster (default: waba-SUITE)

Variables: KIND_NODE_IMAGE (image of the machines), NODE_BASE and BUILD_BASE (base images of the Dockerfile),
WABA_E2E_DATABASE_IMAGE, WABA_E2E_MARIADB_IMAGE and WABA_E2E_GATEWAY_IMAGE (in place of the official images of PostgreSQL,
MariaDB and Traefik), WABA_E2E_CNPG_IMAGE and WABA_E2E_CNPG_POSTGRES_IMAGE (in place of the controller of CloudNativePG and its
servers),
WABA_E2E_POLICY_IMAGE (kube-router, if the network plugin of the machines does not enforce NetworkPolicies).`;

const { values } = parseArgs({
  options: {
    context: { type: 'string' },
    values: { type: 'string' },
    keep: { type: 'boolean' },
    name: { type: 'string' },
    suite: { type: 'string', default: SUITES[0] },
    report: { type: 'string' },
    help: { type: 'boolean' },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const { suite, name = `waba-${suite}` } = values;
if (!SUITES.includes(suite)) {
  console.error(`no such suite: ${suite}; there are: ${SUITES.join(', ')}`);
  process.exit(2);
}
const missing = missingTools([
  ...['kubectl', 'helm', ...(values.context ? [] : ['docker', 'kind'])],
  ...(suite === 'cloudnative-pg' ? ['go'] : []),
]);
for (const { hint } of missing) console.error(hint);
if (missing.length > 0) process.exit(1);

const reporters = values.report
  ? ['--reporter=default', '--reporter=json', `--outputFile.json=${values.report}`]
  : ['--reporter=verbose'];
const { status } = spawnSync(
  'npx',
  ['--no-install', 'vitest', 'run', '--project', suite, '--bail=1', ...reporters],
  {
    stdio: 'inherit',
    env: {
      ...process.env,
      PATH,
      WABA_E2E_NAME: name,
      ...(values.context ? { WABA_E2E_CONTEXT: values.context } : {}),
      ...(values.values ? { WABA_E2E_VALUES: values.values } : {}),
      ...(values.keep ? { WABA_E2E_KEEP: '1' } : {}),
    },
  },
);
process.exitCode = status ?? 1;
