// Programs that tests need and npm does not bring: how to ask whether they are there, and where to get them.
import { spawnSync } from 'node:child_process';

const TOOLS = {
  helm: { ask: ['version'], from: 'go install helm.sh/helm/v4/cmd/helm@v4.3.1' },
  actionlint: {
    ask: ['-version'],
    from: 'go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12',
  },
  docker: { ask: ['version'], from: 'https://docs.docker.com/engine/install/, and start it' },
  kind: { ask: ['version'], from: 'go install sigs.k8s.io/kind@v0.30.0' },
  kubectl: { ask: ['version', '--client'], from: 'https://kubernetes.io/docs/tasks/tools/' },
  mariadbd: { ask: ['--version'], from: 'apt-get install mariadb-server' },
  chromium: { ask: ['--version'], from: 'apt-get install chromium' },
  prometheus: { ask: ['--version'], from: 'apt-get install prometheus' },
  promtool: { ask: ['--version'], from: 'apt-get install prometheus' },
};
/** Debian keeps servers out of the PATH of ordinary users. */
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };

/** Those that are not installed or do not answer, each with a line that says how to get it. */
export const missingTools = (names) =>
  names
    .filter((name) => spawnSync(name, TOOLS[name].ask, { stdio: 'ignore', env }).status !== 0)
    .map((name) => ({ name, hint: `${name} is missing or does not answer: ${TOOLS[name].from}` }));
