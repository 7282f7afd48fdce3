// `npm run bench` measures the operator and the emulator, `-- emulator` the latter alone, `-- memory`
// the latter for long, `-- engine` the engine beside two others, `-- backup` backups beside the bare dump tools,
// `-- tracing` a span that nobody asked for, `-- noop` a change without effect, `-- many` the start with 1,000 stacks, `-- cloud` the gateway to the Cloud API.
import { spawnSync } from 'node:child_process';

const [what, ...args] = process.argv.slice(2);
const BENCHES = {
  engine: 'dist/bench-engine.js',
  emulator: 'dist/bench-emulator.js',
  memory: 'dist/bench-memory.js',
  backup: 'dist/bench-backup.js',
  tracing: 'dist/bench-tracing.js',
  noop: 'dist/bench-noop.js',
  many: 'dist/bench-many.js',
  cloud: 'dist/bench-cloud.js',
};
if (what && !BENCHES[what]) {
  console.error(
    `no bench ${what}; there are: ${Object.keys(BENCHES).join(', ')}, and without a name that of operator and emulator`,
  );
  process.exit(2);
}
const { status } = spawnSync(process.execPath, [BENCHES[what] ?? 'dist/bench.js', ...args], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
