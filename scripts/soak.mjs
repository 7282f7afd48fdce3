// The random suites and the fault runs in full; `npm test` runs a share of them. Ends with what each came to.
// `npm run soak -- engine` runs those whose names hold that word.
import { spawnSync } from 'node:child_process';

const SOAKS = [
  {
    name: 'engine schedules under virtual time',
    env: { SCHEDULES: process.env.SCHEDULES ?? '10000' },
    args: ['--project', 'random', 'test/random/engine.test.ts'],
  },
  {
    name: 'replicas that share the namespaces under virtual time',
    env: { SCHEDULES: process.env.SCHEDULES ?? '10000' },
    args: ['--project', 'random', 'test/random/shards.test.ts'],
  },
  {
    name: 'rolls of a stack under virtual time',
    env: { SCHEDULES: process.env.SCHEDULES ?? '10000', RARE_BREAKS: '1' },
    args: ['--project', 'rolls', '--maxWorkers=2'],
  },
  {
    name: 'forecasts of random changes',
    env: { PLAN_PAIRS: process.env.PLAN_PAIRS ?? '2000' },
    args: ['--project', 'random', 'test/random/foresee.test.ts'],
  },
  {
    name: 'live rolls of larger stacks, with controllers that hang',
    env: {
      ROLL_SHARDS: process.env.ROLL_SHARDS ?? '1,4,8',
      ROLL_STOP_SECONDS: process.env.ROLL_STOP_SECONDS ?? '3,60',
    },
    args: ['--project', 'scenarios', 'test/scenarios/rolls.test.ts'],
  },
  {
    name: 'new stacks whose settings restart their only Coreapp',
    env: { FRESH_STACKS: process.env.FRESH_STACKS ?? '6' },
    args: ['--project', 'scenarios', 'test/scenarios/freshSingle.test.ts'],
  },
  {
    name: 'upgrades of the operator and of the client under load',
    env: { UPGRADE_KILLS: process.env.UPGRADE_KILLS ?? '50' },
    args: ['--project', 'soak', '--no-file-parallelism'],
  },
  ...[5, 100, 500].map((perSecond) => ({
    name: `survival of a stack under ${perSecond} messages a second`,
    env: {
      SURVIVAL_PER_SECOND: process.env.SURVIVAL_PER_SECOND ?? String(perSecond),
      SURVIVAL_ROUNDS: process.env.SURVIVAL_ROUNDS ?? '10',
    },
    args: ['--project', 'survival'],
  })),
  {
    name: 'schedules of the gateway to the Cloud API under virtual time',
    env: { CLOUD_SCHEDULES: process.env.CLOUD_SCHEDULES ?? '10000' },
    args: ['--project', 'random', 'test/random/cloudSender.test.ts'],
  },
  {
    name: 'a gateway to the Cloud API that is killed',
    env: { CLOUD_KILLS: process.env.CLOUD_KILLS ?? '50' },
    args: ['--project', 'survival', 'test/survival/cloudGateway.test.ts'],
  },
  {
    name: 'engine faults on a real API server',
    env: {
      FAULT_SECONDS: process.env.FAULT_SECONDS ?? '180',
      FLEET_PARENTS: process.env.FLEET_PARENTS ?? '1000',
    },
    args: ['--project', 'control-plane', 'test/control-plane/engineFaults.test.ts'],
  },
  {
    name: 'every edit by hand of every child',
    env: { HAND_EDITS: process.env.HAND_EDITS ?? 'all' },
    args: ['--project', 'control-plane', 'test/control-plane/everyHandEdit.test.ts'],
  },
  {
    name: 'calls of the emulated API, of any kind',
    env: { API_CALLS: process.env.API_CALLS ?? '10000' },
    args: ['--project', 'random', 'test/random/api.test.ts'],
  },
  {
    name: 'specs of any kind on a real API server, with all their objects',
    env: { SPECS: process.env.SPECS ?? '5000' },
    args: ['--project', 'control-plane', 'test/control-plane/anySpec.test.ts'],
  },
  {
    name: 'hostile inputs to every port',
    env: {
      HOSTILE_ROUNDS: process.env.HOSTILE_ROUNDS ?? '10',
      FUZZ_RUNS: process.env.FUZZ_RUNS ?? '20000',
    },
    args: ['--project', 'hostile'],
  },
  ...['Single claim', 'Single bucket', 'HighAvailability claim', 'HighAvailability bucket'].map((drill) => ({
    name: `stacks that are lost and restored (${drill})`,
    env: { RESTORE_DRILL: drill },
    args: [
      '--project',
      'scenarios',
      'test/scenarios/restorePostgres.test.ts',
      'test/scenarios/restoreMariadb.test.ts',
    ],
  })),
  {
    name: 'backups that are killed',
    env: { BACKUP_KILLS: process.env.BACKUP_KILLS ?? '30' },
    args: ['--project', 'backup', 'test/backup/kills.test.ts'],
  },
  ...['contract', 'contract-mariadb'].map((project) => ({
    name: `the application layer under faults (${project})`,
    env: { APPLICATION_STACKS: process.env.APPLICATION_STACKS ?? '15' },
    args: ['--project', project, 'test/contract/application.test.ts'],
  })),
];

const words = process.argv.slice(2);
const wanted = SOAKS.filter(({ name }) => words.every((word) => name.includes(word)));
if (wanted.length === 0) {
  console.error(
    `none has ${words.join(' and ')} in its name; there are:\n${SOAKS.map(({ name }) => `  ${name}`).join('\n')}`,
  );
  process.exit(2);
}

const rows = [];
for (const { name, env, args } of wanted) {
  console.log(`\n── ${name}: ${JSON.stringify(env)}`);
  const started = performance.now();
  const { status } = spawnSync('npx', ['--no-install', 'vitest', 'run', ...args], {
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  const seconds = Math.round((performance.now() - started) / 1000);
  rows.push(`${status === 0 ? 'passed' : 'FAILED'}  ${name} ${JSON.stringify(env)} in ${seconds} s`);
}
console.log(`\n${rows.join('\n')}`);
process.exitCode = rows.some((row) => row.startsWith('FAILED')) ? 1 : 0;
