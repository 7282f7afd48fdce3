// The layers of tests, cheapest first. `npm test` runs the quick ones, `npm run test:all` runs all of them.
const MINUTE_MS = 60_000;

const npm = (script) => ['npm', 'run', '--silent', script];

/** A project of vitest.config.ts; `report` is the JSON file with its results. */
const vitest =
  (project, ...flags) =>
  (report) => [
    ...['npx', '--no-install', 'vitest', 'run', '--project', project, ...flags],
    ...['--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
  ];

/** By itself vitest leaves one of two cores idle, and these tests wait for timers most of the time. */
const TWO_WORKERS = '--maxWorkers=2';

/**
 * `command` counts as one test; `tests` makes a command whose report is counted. `needs` names programs of tools.mjs.
 * A quick layer needs nothing but `npm ci`.
 */
export const LAYERS = [
  { name: 'lint', isQuick: true, command: npm('lint'), deadlineMs: 2 * MINUTE_MS },
  { name: 'types', isQuick: true, command: npm('typecheck'), deadlineMs: 3 * MINUTE_MS },
  {
    name: 'generated',
    isQuick: true,
    command: ['node', 'scripts/generate.mjs', '--check'],
    deadlineMs: MINUTE_MS,
  },
  { name: 'unit', isQuick: true, tests: vitest('unit', TWO_WORKERS), deadlineMs: 5 * MINUTE_MS },
  { name: 'contract', isQuick: true, tests: vitest('contract', TWO_WORKERS), deadlineMs: 8 * MINUTE_MS },
  {
    name: 'contract-memory',
    isQuick: true,
    tests: vitest('contract-memory', TWO_WORKERS),
    deadlineMs: 4 * MINUTE_MS,
  },
  // A share of the random suites, from a new seed each time; `npm run soak` runs them in full.
  { name: 'random', isQuick: true, tests: vitest('random'), deadlineMs: 6 * MINUTE_MS },
  // 500 schedules of rolls, and deliberate breaks; they take minutes, so they are no quick check.
  { name: 'rolls', tests: vitest('rolls', TWO_WORKERS), deadlineMs: 25 * MINUTE_MS },
  { name: 'build', command: npm('build'), deadlineMs: 2 * MINUTE_MS },
  { name: 'package', tests: vitest('package'), deadlineMs: 4 * MINUTE_MS },
  // A test whose language is missing is skipped by itself.
  { name: 'examples', tests: vitest('examples'), deadlineMs: 12 * MINUTE_MS },
  { name: 'chart', tests: vitest('chart'), deadlineMs: 3 * MINUTE_MS, needs: ['helm', 'actionlint'] },
  {
    name: 'contract-mariadb',
    tests: vitest('contract-mariadb', TWO_WORKERS),
    deadlineMs: 8 * MINUTE_MS,
    needs: ['mariadbd'],
  },
  {
    name: 'backup',
    tests: vitest('backup', '--no-file-parallelism'),
    deadlineMs: 8 * MINUTE_MS,
    needs: ['pg_dump', 'mariadbd', 'age', 'versitygw'],
  },
  // A share of the faults; `npm run soak -- survival` runs them for long, under more load.
  {
    name: 'survival',
    tests: vitest('survival', '--no-file-parallelism'),
    deadlineMs: 10 * MINUTE_MS,
    needs: ['mariadbd'],
  },
  { name: 'conformance-processes', tests: vitest('conformance-processes'), deadlineMs: 4 * MINUTE_MS },
  { name: 'hostile', tests: vitest('hostile'), deadlineMs: 8 * MINUTE_MS },
  { name: 'monitoring', tests: vitest('monitoring'), deadlineMs: 4 * MINUTE_MS, needs: ['promtool'] },
  { name: 'page', tests: vitest('page'), deadlineMs: 4 * MINUTE_MS, needs: ['chromium'] },
  { name: 'control-plane', tests: vitest('control-plane', TWO_WORKERS), deadlineMs: 15 * MINUTE_MS },
  {
    name: 'scenarios',
    tests: vitest('scenarios', TWO_WORKERS),
    deadlineMs: 40 * MINUTE_MS,
    needs: ['prometheus', 'mariadbd', 'pg_dump', 'versitygw'],
  },
  {
    name: 'container',
    tests: (report) => ['node', 'scripts/container.mjs', report],
    deadlineMs: 10 * MINUTE_MS,
    needs: ['docker'],
  },
  {
    name: 'e2e',
    tests: (report) => ['node', 'scripts/e2e.mjs', '--report', report],
    deadlineMs: 20 * MINUTE_MS,
    needs: ['docker', 'kind', 'kubectl', 'helm'],
  },
];
