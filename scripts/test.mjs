// Runs every layer of tests, cheapest first, each with a deadline; prints how long each took and one closing line.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { missingTools } from './tools.mjs';

const MINUTE = 60_000;
const scratch = await mkdtemp(join(tmpdir(), 'waba-test-'));
const npx = (...args) => ['npx', '--no-install', ...args];

/** Each failed test with the first lines of its messages; a file that fails as a whole stands for itself. */
const failuresIn = (files) =>
  files
    .filter(({ status }) => status === 'failed')
    .flatMap(({ name, message, assertionResults }) => {
      const file = relative(process.cwd(), name);
      const failed = assertionResults.filter(({ status }) => status === 'failed');
      if (failed.length === 0) return [`${file}\n${message}`];
      return failed.map(({ fullName, failureMessages }) => {
        const lines = failureMessages
          .join('\n')
          .split('\n')
          .filter((line) => !line.includes('/node_modules/'));
        return `${file}: ${fullName}\n${lines.slice(0, 25).join('\n')}`;
      });
    });

const vitest = (project, ...flags) => {
  const report = join(scratch, `${project}.json`);
  return {
    command: npx(
      'vitest',
      'run',
      '--project',
      project,
      '--passWithNoTests',
      ...flags,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ),
    async count() {
      const { numPassedTests, numPendingTests, success, testResults } = JSON.parse(
        await readFile(report, 'utf8'),
      );
      const failures = failuresIn(testResults);
      const failed = success ? 0 : Math.max(failures.length, 1);
      return { passed: numPassedTests, failed, skipped: numPendingTests, failures };
    },
  };
};

function e2e() {
  const { count } = vitest('e2e');
  const report = join(scratch, 'e2e.json');
  return { command: ['node', 'scripts/e2e.mjs', '--report', report], count };
}

/** `.ci/run` installs all that they need. */
const layers = [
  { name: 'lint', command: npx('biome', 'check', '--error-on-warnings', '.'), deadline: 2 * MINUTE },
  { name: 'types', command: npx('tsc', '--noEmit'), deadline: 3 * MINUTE },
  { name: 'generated', command: ['node', 'scripts/generate.mjs', '--check'], deadline: MINUTE },
  { name: 'build', command: ['node', 'scripts/build.mjs'], deadline: 2 * MINUTE },
  { name: 'unit', ...vitest('unit'), deadline: 5 * MINUTE },
  { name: 'chart', ...vitest('chart'), deadline: 3 * MINUTE, needs: ['helm', 'actionlint'] },
  { name: 'contract', ...vitest('contract'), deadline: 8 * MINUTE },
  {
    name: 'contract-mariadb',
    ...vitest('contract-mariadb'),
    deadline: 8 * MINUTE,
    needs: ['mariadbd'],
  },
  { name: 'conformance-processes', ...vitest('conformance-processes'), deadline: 4 * MINUTE },
  { name: 'monitoring', ...vitest('monitoring'), deadline: 2 * MINUTE, needs: ['promtool'] },
  { name: 'page', ...vitest('page'), deadline: 4 * MINUTE, needs: ['chromium'] },
  // A share of the random suites, from a new seed each time; `npm run soak` runs all of them.
  { name: 'random', ...vitest('random'), deadline: 6 * MINUTE },
  { name: 'control-plane', ...vitest('control-plane'), deadline: 15 * MINUTE },
  {
    name: 'scenarios', // Whole clusters: side by side they would only slow each other down.
    ...vitest('scenarios', '--no-file-parallelism'),
    deadline: 25 * MINUTE,
    needs: ['prometheus'],
  },
  { name: 'e2e', ...e2e(), deadline: 20 * MINUTE, needs: ['docker', 'kind', 'kubectl', 'helm'] },
];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !layers.some((layer) => layer.name === name));
if (unknown.length > 0) {
  console.error(`no layer ${unknown.join(', ')}; there are: ${layers.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

const total = { passed: 0, failed: 0, skipped: 0 };
const rows = [];
const failures = [];
for (const layer of layers) {
  if (wanted.length > 0 && !wanted.includes(layer.name)) {
    rows.push([layer.name, 'SKIPPED (not asked for)', '']);
    continue;
  }
  console.log(`\n── ${layer.name}`);
  const missing = missingTools(layer.needs ?? []);
  if (missing.length > 0) {
    for (const { hint } of missing) console.error(`SKIPPED: ${hint}`);
    total.skipped += 1;
    rows.push([layer.name, `SKIPPED (no ${missing.map(({ name }) => name).join(', ')})`, '']);
    continue;
  }
  const started = performance.now();
  const outcome = await run(layer.command, layer.deadline);
  let count = { passed: outcome === 'ok' ? 1 : 0, failed: outcome === 'ok' ? 0 : 1, skipped: 0 };
  if (layer.count) count = await layer.count().catch(() => ({ passed: 0, failed: 1, skipped: 0 }));
  if (outcome !== 'ok' && count.failed === 0) count.failed = 1;
  for (const key of Object.keys(total)) total[key] += count[key];
  failures.push(...(count.failures ?? []).map((failure) => `${layer.name}: ${failure}`));
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  rows.push([
    layer.name,
    `${outcome}, ${count.passed} passed, ${count.failed} failed${count.skipped ? `, ${count.skipped} SKIPPED` : ''}`,
    `${seconds} s`,
  ]);
}
await rm(scratch, { recursive: true, force: true });

// Of a long log people often keep no more than the end, so what failed is told again here.
for (const failure of failures) console.log(`\nFAILED ${failure}`);
console.log('\nlayer            result                                   time');
for (const [name, result, time] of rows) console.log(`${name.padEnd(16)} ${result.padEnd(40)} ${time}`);
if (total.skipped > 0) {
  console.log(`${total.skipped} test(s) or layer(s) SKIPPED`);
  // A skipped test proves nothing; where everything can be set up it is a failure.
  if (process.env.CI) total.failed += total.skipped;
}
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 ? 1 : 0;

function run([program, ...args], deadline) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit'], detached: true });
    const timer = setTimeout(() => {
      console.error(`over its deadline of ${deadline / MINUTE} min; stopped`);
      process.kill(-child.pid, 'SIGKILL');
      resolve('DEADLINE');
    }, deadline);
    child.on('error', () => resolve('FAILED'));
    child.on('exit', (code) => {
      clearTimeout(timer);
      resolve(code === 0 ? 'ok' : 'FAILED');
    });
  });
}
