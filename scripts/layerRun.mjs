// One layer of tests as a process group of its own, ended at its deadline.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { PATH } from './tools.mjs';

const LINES_OF_A_FAILURE = 25;
/** Files that took at least as long are named. */
const SLOW_FILE_MS = 60_000;

/** The files that took long, slowest first, with seconds. */
const slowIn = (files) =>
  files
    .map(({ name, startTime, endTime }) => ({
      file: relative(process.cwd(), name),
      ms: endTime - startTime,
    }))
    .filter(({ ms }) => ms >= SLOW_FILE_MS)
    .sort((a, b) => b.ms - a.ms)
    .map(({ file, ms }) => `${(ms / 1000).toFixed(0)} s ${file}`);

/** Each failed test with the first lines of its messages; a file that failed before any of its tests stands for itself. */
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
        return `${file}: ${fullName}\n${lines.slice(0, LINES_OF_A_FAILURE).join('\n')}`;
      });
    });

/** Starts the layer at once. */
export class LayerRun {
  #child;
  #problem;
  /** `{ outcome, passed, failed, skipped, seconds, failures, slow }`; never rejects. */
  finished;

  constructor(layer) {
    this.finished = this.#run(layer);
  }

  /** Ends the layer with everything that it started. */
  stop(why) {
    this.#problem = why;
    console.error(why);
    if (this.#child?.pid) process.kill(-this.#child.pid, 'SIGKILL');
  }

  async #run({ command, tests, deadlineMs }) {
    const started = performance.now();
    const folder = await mkdtemp(join(tmpdir(), 'waba-test-'));
    const report = join(folder, 'report.json');
    const isOk = await this.#spawn(tests ? tests(report) : command, deadlineMs);
    const counts = tests ? await count(report) : { passed: isOk ? 1 : 0, failed: isOk ? 0 : 1, skipped: 0 };
    await rm(folder, { recursive: true, force: true });
    if (!isOk && counts.failed === 0) counts.failed = 1;
    const outcome = this.#problem ?? (counts.failed === 0 ? 'ok' : 'FAILED');
    return { outcome, ...counts, seconds: (performance.now() - started) / 1000 };
  }

  #spawn([program, ...args], deadlineMs) {
    return new Promise((resolve) => {
      const child = spawn(program, args, {
        stdio: ['ignore', 'inherit', 'inherit'],
        detached: true,
        env: { ...process.env, PATH },
      });
      this.#child = child;
      const timer = setTimeout(
        () => this.stop(`over its deadline of ${deadlineMs / 60_000} min`),
        deadlineMs,
      );
      const end = (code) => {
        clearTimeout(timer);
        this.#child = undefined;
        resolve(code === 0);
      };
      child.on('error', ({ message }) => {
        console.error(message);
        end();
      });
      child.on('exit', end);
    });
  }
}

async function count(report) {
  try {
    const { numPassedTests, numPendingTests, success, testResults } = JSON.parse(
      await readFile(report, 'utf8'),
    );
    const failures = failuresIn(testResults);
    return {
      passed: numPassedTests,
      failed: success ? 0 : Math.max(failures.length, 1),
      skipped: numPendingTests,
      failures,
      slow: slowIn(testResults),
    };
  } catch {
    return { passed: 0, failed: 1, skipped: 0, failures: ['no report: it ended early'] };
  }
}
