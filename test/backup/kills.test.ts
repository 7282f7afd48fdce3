import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { listedBackup } from '../../src/backup/contract/contract.ts';
import { exited } from '../../src/base/childProcess.ts';
import { seeded } from '../../src/base/seeded.ts';
import { type BackupRig, filesBelow, startBackupRig } from '../support/backupRig.ts';
import { type TestS3, testS3 } from '../support/testS3.ts';

/** For each combination; `npm run soak` kills more. */
const KILLS = Number(process.env.BACKUP_KILLS ?? 5);
const COMBINATIONS = [
  ['PGSQL', 'folder'],
  ['PGSQL', 'bucket'],
  ['MYSQL', 'folder'],
  ['MYSQL', 'bucket'],
] as const;
/** Longer than a backup takes here. */
const LONGEST_MS = 1_500;

function kill(pid: number | undefined): void {
  try {
    if (pid) process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

let rig: BackupRig | undefined;
let s3: TestS3;
beforeAll(async () => {
  s3 = await testS3();
});
afterEach(() => rig?.close());
afterAll(() => s3.close());

it.each(COMBINATIONS)(
  'a backup of %s in a %s, whose agent or tool is killed at any moment, is either complete or nobody takes it for one',
  {
    timeout: 120_000 + KILLS * 15_000,
  },
  async (engine, place) => {
    rig = await startBackupRig(engine);
    const { run, start, destination } = rig;
    const where: Record<string, string> = place === 'folder' ? {} : s3.variables(engine);
    const stored = () => (place === 'folder' ? destination() : filesBelow(s3.objects(engine)));
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9));
    const random = seeded(seed);
    const alone = async (command: string, name: string) =>
      (await run(command, { variables: { ...where, WABA_BACKUP_NAME: name }, tool: false })).result;
    const whole = await run('run', { variables: { ...where, WABA_BACKUP_NAME: 'kept' } });
    expect(whole.result.ok).toBe(true);
    const complete = ['kept'];
    for (let round = 0; round < KILLS; round++) {
      const name = `round-${round}`;
      const running = await start('run', {
        // The other one ends soon after, by the silence.
        variables: {
          ...where,
          WABA_BACKUP_NAME: name,
          WABA_BACKUP_SILENCE_SECONDS: '2',
          WABA_BACKUP_START_SECONDS: '2',
        },
      });
      await new Promise((resolve) => setTimeout(resolve, random() * LONGEST_MS));
      const tool = running.tool?.pid && -running.tool.pid;
      const isAgent = random() < 0.7;
      kill(isAgent ? running.agent.pid : tool);
      // An agent notices that the tool is gone; nobody needs to wait for a tool whose agent is gone.
      await exited(running.agent);
      kill(tool);
      await running.ended;
      const isComplete = (await stored()).some((path) => path.endsWith(`${name}/manifest.json`));
      if (isComplete) {
        complete.push(name);
        expect(await alone('verify', name), `SEED=${seed} round ${round}`).toMatchObject({ ok: true });
      }
    }
    const { lines } = await run('list', { variables: where, tool: false });
    const states = lines.slice(0, -1).map((line) => listedBackup.parse(line));
    expect(states.filter(({ state }) => state === 'complete').map(({ name }) => name)).toEqual(
      complete.sort(),
    );
    expect(states.filter(({ state }) => state === 'broken')).toEqual([]);
    expect(await alone('verify', 'kept')).toMatchObject({ ok: true });
    for (let round = 0; round < KILLS; round++)
      expect(await alone('remove', `round-${round}`)).toMatchObject({ ok: true });
    const left = await stored();
    expect(left.filter((path) => !path.startsWith(join('shops/shop/kept')))).toEqual([]);
  },
);
