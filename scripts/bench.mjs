// `npm run bench` measures the operator and the emulator, `npm run bench -- engine` the engine beside two others.
import { spawnSync } from 'node:child_process';

const [what, ...args] = process.argv.slice(2);
const BENCHES = { engine: 'dist/bench-engine.js' };
if (what && !BENCHES[what]) {
  console.error(
    `no bench ${what}; there are: ${Object.keys(BENCHES).join(', ')}, and without a name that of the operator`,
  );
  process.exit(2);
}
const { status } = spawnSync(process.execPath, [BENCHES[what] ?? 'dist/bench.js', ...args], {
  stdio: 'inherit',
});
process.exitCode = status ?? 1;
