// Runs layers of tests and prints how long each took. The last line of the output is 'N passed, N failed'.
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { LayerRun } from './layerRun.mjs';
import { LAYERS } from './layers.mjs';
import { missingTools } from './tools.mjs';

const HELP = `npm test [-- LAYER...]           the quick layers, or those named: needs only \`npm ci\`
npm run test:all [-- LAYER...]   all layers, or those named: \`npm run setup\` installs what they need

  --except LAYER   leave this layer out; may be repeated
  --after FILE     add the results in FILE, and run only the layers that are not in it
  --stopped WHY    run nothing: report the remaining layers as failed

TEST_RESULTS=FILE writes the results to FILE for --after, and leaves the closing report to that run.
Layers: ${LAYERS.map(({ name, isQuick }) => (isQuick ? `${name} (quick)` : name)).join(', ')}`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    all: { type: 'boolean' },
    except: { type: 'string', multiple: true, default: [] },
    after: { type: 'string' },
    stopped: { type: 'string' },
    help: { type: 'boolean' },
  },
});
const unknown = [...positionals, ...values.except].filter((name) => !LAYERS.some((it) => it.name === name));
if (values.help || unknown.length > 0) {
  if (unknown.length > 0) console.error(`no such layer: ${unknown.join(', ')}`);
  console.error(HELP);
  process.exit(values.help ? 0 : 2);
}

const results = values.after ? JSON.parse(await readFile(values.after, 'utf8')) : [];
const isWanted = ({ name, isQuick }) =>
  positionals.length > 0 ? positionals.includes(name) : values.all || isQuick;
const wanted = LAYERS.filter(isWanted).filter(({ name }) => !results.some((result) => result.name === name));

let running;
let stopped = values.stopped;
for (const signal of ['SIGTERM', 'SIGINT'])
  process.on(signal, () => {
    stopped = `stopped by ${signal}`;
    running?.stop(stopped);
  });

const file = process.env.TEST_RESULTS;
for (const layer of wanted) {
  results.push({ name: layer.name, ...(await resultOf(layer)) });
  if (file) await writeFile(file, JSON.stringify(results));
}

const sum = (key) => results.reduce((total, result) => total + (result[key] ?? 0), 0);
// A skipped test proves nothing, and CI can install everything.
const failed = sum('failed') + (process.env.CI ? sum('skipped') : 0);
const closing = `${sum('passed')} passed, ${failed} failed`;
if (file) console.log(`\nso far: ${closing}`);
else report();
process.exitCode = failed > 0 ? 1 : 0;

async function resultOf(layer) {
  if (values.except.includes(layer.name)) return { outcome: 'SKIPPED (--except)', passed: 0, failed: 0 };
  if (stopped) return { outcome: `NOT RUN (${stopped})`, passed: 0, failed: 1 };
  console.log(`\n── ${layer.name}`);
  const missing = missingTools(layer.needs ?? []);
  if (missing.length > 0) {
    for (const { hint } of missing) console.error(`SKIPPED: ${hint}`);
    const outcome = `SKIPPED (no ${missing.map(({ name }) => name).join(', ')})`;
    return { outcome, passed: 0, failed: 0, skipped: 1 };
  }
  running = new LayerRun(layer);
  const result = await running.finished;
  running = undefined;
  return result;
}

function report() {
  // Of a long log people often keep only the end, so it repeats what failed.
  for (const { name, failures = [] } of results)
    for (const failure of failures) console.log(`\nFAILED ${name}: ${failure}`);

  console.log(`\n${'layer'.padEnd(22)} ${'result'.padEnd(45)} time`);
  for (const { name, outcome, seconds, ...counts } of results) {
    const skipped = counts.skipped > 0 ? `, ${counts.skipped} SKIPPED` : '';
    const result = `${outcome}, ${counts.passed} passed, ${counts.failed} failed${skipped}`;
    console.log(
      seconds === undefined
        ? `${name.padEnd(22)} ${outcome}`
        : `${name.padEnd(22)} ${result.padEnd(45)} ${seconds.toFixed(1)} s`,
    );
  }
  const slow = results.flatMap((result) => result.slow ?? []);
  if (slow.length > 0) console.log(`\nslow files:\n${slow.map((line) => `  ${line}`).join('\n')}`);
  const others = LAYERS.filter(({ name }) => !results.some((result) => result.name === name));
  if (others.length > 0)
    console.log(
      `\nnot run: ${others.map(({ name }) => name).join(', ')}; \`npm run test:all\` runs every layer`,
    );
  if (sum('skipped') > 0) console.log(`\n${sum('skipped')} test(s) or layer(s) SKIPPED`);
  console.log(`\n${closing}`);
}
