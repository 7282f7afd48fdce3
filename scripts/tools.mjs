// Programs that tests need and `npm ci` does not install: how to ask whether they answer, and how to install them.
import { spawnSync } from 'node:child_process';
import { homedir } from 'node:os';

const { GOBIN, GOPATH = `${homedir()}/go` } = process.env;
export const goFolder = GOBIN || `${GOPATH}/bin`;

/**
 * `go` names a Go program with its version (`hidesVersion`: it does not print it), `apt` a Debian package, `see` a page for
 * people. `onRequest`: `npm run setup` installs it only by name, because few machines need it.
 */
export const TOOLS = {
  helm: { ask: ['version'], go: 'helm.sh/helm/v4/cmd/helm@v4.3.1' },
  actionlint: { ask: ['-version'], go: 'github.com/rhysd/actionlint/cmd/actionlint@v1.7.12' },
  kind: { ask: ['version'], go: 'sigs.k8s.io/kind@v0.30.0' },
  age: { ask: ['--version'], go: 'filippo.io/age/cmd/age@v1.3.2' },
  versitygw: {
    ask: ['--version'],
    go: 'github.com/versity/versitygw/cmd/versitygw@v1.8.0',
    hidesVersion: true,
  },
  'kube-router': {
    ask: ['--version'],
    go: 'github.com/cloudnativelabs/kube-router/v2/cmd/kube-router@v2.1.0',
    hidesVersion: true,
    onRequest: true,
  },
  docker: { ask: ['version'], see: 'https://docs.docker.com/engine/install/, and start it' },
  kubectl: { ask: ['version', '--client'], see: 'https://kubernetes.io/docs/tasks/tools/' },
  mariadbd: { ask: ['--version'], apt: 'mariadb-server' },
  pg_dump: { ask: ['--version'], apt: 'postgresql' },
  chromium: { ask: ['--version'], apt: 'chromium' },
  prometheus: { ask: ['--version'], apt: 'prometheus' },
  promtool: { ask: ['--version'], apt: 'prometheus' },
  python3: { ask: ['--version'], apt: 'python3' },
  go: { ask: ['version'], see: 'https://go.dev/doc/install' },
  java: { ask: ['-version'], apt: 'default-jdk-headless' },
  php: { ask: ['--version'], apt: 'php-cli' },
};

/**
 * Go's folder comes first: `npm run setup` installs the pinned versions there, and machines of CI bring older ones.
 * Debian keeps servers out of the PATH of ordinary users.
 */
export const PATH = `${goFolder}:${process.env.PATH}:/usr/sbin`;

/** What the program prints when asked; undefined if it is not installed or does not answer. */
function answerOf(name) {
  const { status, stdout } = spawnSync(name, TOOLS[name].ask, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, PATH },
  });
  return status === 0 ? stdout : undefined;
}

/** Whether the program answers; a Go program also in the pinned version, of which some builds name no patch. */
export function isInstalled(name) {
  const answer = answerOf(name);
  const { go, hidesVersion } = TOOLS[name];
  const [, major, minor] = go?.match(/@v(\d+)\.(\d+)/) ?? [];
  return (
    answer !== undefined && (!major || hidesVersion || new RegExp(`\\bv?${major}\\.${minor}\\b`).test(answer))
  );
}

/** Those that are not installed or do not answer, each with a line that says how to get it. */
export const missingTools = (names) =>
  names
    .filter((name) => answerOf(name) === undefined)
    .map((name) => {
      const how = TOOLS[name].see ?? `npm run setup -- ${name}`;
      return { name, hint: `${name} is missing or does not answer: ${how}` };
    });
