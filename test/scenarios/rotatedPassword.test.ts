import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DatabaseStack } from '../support/databaseStack.ts';
import { eventually } from '../support/eventually.ts';
import { killOperatorPod } from '../support/operatorInstallation.ts';
import type { StackLoad } from '../support/stackLoad.ts';

/** A stack with a spare of each role on the managed PostgreSQL, under load throughout. */
const NAME = 'turns';
const PER_SECOND = 8;

let stack: DatabaseStack;
let load: StackLoad;

/** Whether the server lets this account in, as it is asked by the nodes: with TLS, through the Service. */
async function letsIn({ username, password }: Record<string, string>): Promise<boolean> {
  const { host, ca } = await stack.server();
  const client = new pg.Client({
    host,
    user: username,
    password,
    database: 'postgres',
    ssl: { ca, checkServerIdentity: () => undefined },
  });
  try {
    await client.connect();
    return true;
  } catch (error) {
    if (/password authentication failed|not permitted to log in/.test(String(error))) return false;
    throw error;
  } finally {
    await client.end().catch(() => {});
  }
}

beforeAll(async () => {
  stack = await DatabaseStack.start(NAME, '16315558700');
});
afterAll(() => stack?.close());

describe('a stack with spares on a managed PostgreSQL', () => {
  it('becomes Ready, and loses no accepted message when the pod of the database is killed', async () => {
    await stack.create('HighAvailability', {}, 240_000);
    load = await stack.load(PER_SECOND);
    await stack.cluster.kubectl('delete', 'pod', `${NAME}-database-0`, '--grace-period=0', '--force');
    await load.flows(50);
    await stack.cluster.ready(NAME, 120_000);
  }, 420_000);

  it('rotates the password while the operator is killed in each step, and loses no accepted message', async () => {
    const before = await stack.login();
    await stack.cluster.spec(NAME, { database: { managed: { passwordRotation: 'first' } } });
    const killedIn: string[] = [];
    await eventually(async () => {
      const { passwordRotation } = await stack.journal();
      const { phase = 'none', completedAtMs } = passwordRotation ?? {};
      if (
        !['none', 'Done'].includes(phase) &&
        killedIn.at(-1) !== phase &&
        (await killOperatorPod(stack.cluster))
      )
        killedIn.push(phase);
      return completedAtMs !== undefined;
    }, 480_000);
    await stack.cluster.ready(NAME, 120_000);
    await load.flows(50);
    expect(await load.stop()).toEqual([]);
    process.stderr.write(
      `rotation: ${load.accepted.length} accepted, refused ${JSON.stringify(load.refused)}, ${load.leftOut} left out\n`,
    );
    expect(killedIn).toEqual(['Preparing', 'Switching', 'Retiring']);
    const now = await stack.login();
    expect([before.username, now.username]).toEqual(['waba', 'waba_2']);
    expect(await letsIn(before)).toBe(false);
    expect(await letsIn(now)).toBe(true);
  }, 660_000);
});
