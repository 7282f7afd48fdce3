import { describe, expect, it } from 'vitest';
import { podView } from '../../../../test/support/podView.ts';
import { applied, NOW_MS, release, StackModel } from '../../../../test/support/stackModel.ts';
import { whatsAppBackup } from '../../../../test/support/whatsAppBackup.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import { ROTATION_VARIABLES } from '../../../onprem/passwordRotation.ts';
import { componentOf, isNode } from '../facts/names.ts';
import type { Observed } from '../facts/observed.ts';
import { decodeSecret, type SecretObject } from '../facts/secrets.ts';
import { childKey } from '../render/child.ts';
import { stackStatus } from '../tell/stackStatus.ts';
import { planWorkloads, type WorkloadPlan } from './workloads.ts';

const stack = (passwordRotation?: string, spec: object = {}) =>
  whatsAppDeployment({
    spec: {
      database: { managed: { engine: 'MariaDB', ...(passwordRotation ? { passwordRotation } : {}) } },
      ...spec,
    },
  });

interface JobSpec {
  readonly template: {
    readonly spec: {
      readonly containers: readonly {
        readonly args?: readonly string[];
        readonly env: readonly { readonly name: string; readonly value?: string }[];
      }[];
    };
  };
}

/** A stack in a model of the cluster, with the accounts of its server and the login that each pod began with. */
class RotatedStack extends StackModel {
  /** Passwords by account; a locked account has none. */
  readonly accounts = new Map<string, string | undefined>();
  readonly logins = new Map<string, Record<string, string>>();
  readonly #run = new Set<string>();

  static settled(): RotatedStack {
    const model = new RotatedStack(stack());
    model.settle();
    const { username = '', password } = model.secret;
    model.accounts.set(username, password);
    model.look();
    return model;
  }

  get secret(): Record<string, string> {
    return decodeSecret(this.children.get('Secret/shop-database') as SecretObject);
  }

  override carryOut(plan: WorkloadPlan, resource = this.resource): void {
    super.carryOut(plan, resource);
    this.look();
  }

  /** Carries out the first parts of a plan, as an operator does that is killed then. */
  carryOutUntil(part: 'secret' | 'journal', plan: WorkloadPlan): void {
    const { journal } = this;
    super.carryOut({ ...plan, steps: [] }, this.resource);
    if (part === 'secret') this.journal = journal;
    this.look();
  }

  /** The Jobs have run, and pods have begun. */
  look(): void {
    for (const job of this.children.values())
      if (
        job.kind === 'Job' &&
        componentOf(job) === 'password-rotation' &&
        !this.#run.has(job.metadata.name)
      ) {
        this.#run.add(job.metadata.name);
        const [container] = (job.spec as JobSpec).template.spec.containers;
        const account = container?.env.find(({ name }) => name === ROTATION_VARIABLES.username)?.value ?? '';
        const isPreparing = container?.args?.[1] === 'prepare';
        this.accounts.set(account, isPreparing ? this.journal.passwordRotation?.next?.password : undefined);
      }
    for (const { uid } of this.pods) if (!this.logins.has(uid)) this.logins.set(uid, this.secret);
  }

  /** Nodes whose login the server refuses, or would refuse when they connect again. */
  refused(): string[] {
    const worksFor = (login: Record<string, string> | undefined) =>
      login?.password !== undefined && this.accounts.get(login.username ?? '') === login.password;
    return this.pods
      .filter(({ component, uid }) => isNode(component) && !worksFor(this.logins.get(uid)))
      .map(({ name }) => name);
  }
}

const rotationJobs = (plan: WorkloadPlan) =>
  applied(plan).filter(({ object }) => object.kind === 'Job' && componentOf(object) === 'password-rotation');
const databaseReady = (plan: WorkloadPlan) =>
  plan.steps.map(({ verdict }) => verdict).find(({ type }) => type === 'DatabaseReady');

/** Runs until the rotation is over. Each round may be another one. */
function rotate(model: RotatedStack, round: (plan: WorkloadPlan, number: number) => void): number {
  for (let number = 0; number < 60; number++) {
    const plan = planWorkloads(model.observed(), release);
    round(plan, number);
    expect(model.refused(), `after round ${number}`).toEqual([]);
    const { phase, request } = model.journal.passwordRotation ?? {};
    if (phase === 'Done' && request === model.resource.spec.database.managed?.passwordRotation)
      return number + 1;
  }
  throw new Error(`does not end: ${JSON.stringify(model.journal.passwordRotation)}`);
}

/** All nodes have the new login, the account of before is locked, and nothing is left over. */
function expectRotated(model: RotatedStack, before: Record<string, string>): void {
  const now = model.secret;
  expect(now.username).not.toBe(before.username);
  expect(model.journal.databaseLogin).toEqual({ username: now.username, password: now.password });
  expect(model.accounts.get(before.username ?? '')).toBeUndefined();
  for (const { uid, component } of model.pods)
    if (isNode(component)) expect(model.logins.get(uid)).toEqual(now);
  model.settle();
  expect([...model.children.values()].filter((job) => componentOf(job) === 'password-rotation')).toEqual([]);
  expect(databaseReady(planWorkloads(model.observed(), release))).toMatchObject({
    status: 'True',
    message: 'the managed database is ready',
  });
}

describe('the rotation of the password of a managed database', () => {
  it('gives the other account a password, then the nodes its login, then locks the first account', () => {
    const model = RotatedStack.settled();
    const before = model.secret;
    model.resource = stack('may');
    const told: string[] = [];
    rotate(model, (plan) => {
      told.push(databaseReady(plan)?.message ?? '');
      model.carryOut(plan);
    });
    expectRotated(model, before);
    expect(model.secret.username).toBe('waba_2');
    const steps = [...new Set(told.map((message) => /step (\d of 3)/.exec(message)?.[1]))];
    expect(steps).toEqual([undefined, '1 of 3', '2 of 3', '3 of 3']);
    const { database } = stackStatus(model.observed(), [], []);
    expect(database?.passwordRotation).toEqual({
      requested: 'may',
      completed: new Date(NOW_MS).toISOString(),
    });
    // Back to the account of the image, whose password is another one now.
    const second = model.secret;
    model.resource = stack('june');
    rotate(model, (plan) => model.carryOut(plan));
    expectRotated(model, second);
    expect(model.secret.username).toBe('root');
  });

  const rounds = (() => {
    const model = RotatedStack.settled();
    model.resource = stack('may');
    return rotate(model, (plan) => model.carryOut(plan));
  })();
  const interruptions = Array.from({ length: rounds }, (_, at) => at).flatMap((at) =>
    (['secret', 'journal'] as const).map((part) => ({ at, part })),
  );
  it.each(interruptions)(
    'goes on when the operator was killed in round $at after the $part',
    ({ at, part }) => {
      const model = RotatedStack.settled();
      const before = model.secret;
      model.resource = stack('may');
      rotate(model, (plan, number) =>
        number === at ? model.carryOutUntil(part, plan) : model.carryOut(plan),
      );
      expectRotated(model, before);
    },
  );

  it('is not asked for by the value that a stack begins with, nor by its removal', () => {
    const model = new RotatedStack(stack('may'));
    model.settle();
    expect(model.journal.passwordRotation).toEqual({ request: 'may', phase: 'Done' });
    const before = JSON.stringify([...model.children]);
    for (const resource of [stack('may'), stack()]) {
      model.resource = resource;
      model.settle();
    }
    expect(JSON.stringify([...model.children])).toBe(before);
  });

  it('ends what it has begun when the field changes or goes, and begins with the new value then', () => {
    const model = RotatedStack.settled();
    const before = model.secret;
    model.resource = stack('may');
    model.round();
    expect(model.journal.passwordRotation).toMatchObject({ request: 'may', phase: 'Preparing' });
    model.resource = stack();
    model.settle();
    expect(model.journal.passwordRotation).toMatchObject({ request: 'may', phase: 'Done' });
    expectRotated(model, before);
  });

  it('touches no node while the Job has not ended, and says what keeps the Job from it', () => {
    const model = RotatedStack.settled();
    model.resource = stack('may');
    model.round();
    const [job] = rotationJobs(model.round());
    if (!job) throw new Error('no Job');
    model.children.set(childKey(job.object), { ...job.object, status: {} });
    const pod = podView({
      name: 'shop-password-1',
      uid: 'p',
      component: 'password-rotation',
      runningSinceMs: NOW_MS - 60_000,
    });
    const line = JSON.stringify({ verdict: 'DatabaseRightsMissing', message: 'permission denied' });
    const changes: Partial<Observed> = {
      pods: [...model.pods, pod],
      clues: new Map([['p', { lines: [line] }]]),
    };
    const plan = planWorkloads(model.observed(changes), release);
    expect(plan.rollout?.isRolling).toBe(false);
    expect(plan.passwordRotation).toMatchObject({ phase: 'Preparing' });
    expect(databaseReady(plan)).toMatchObject({ status: 'False', reason: 'DatabaseRightsMissing' });
    expect(databaseReady(plan)?.message).toContain('step 1 of 3');
    expect(databaseReady(plan)?.message).toContain('permission denied');
    // Everything else goes on.
    model.resource = stack('may', { nodes: { webapp: { replicas: 3 } } });
    expect(JSON.stringify(applied(planWorkloads(model.observed(changes), release)))).toContain(
      '"replicas":3',
    );
  });

  it('makes a Job that failed anew', () => {
    const model = RotatedStack.settled();
    model.resource = stack('may');
    model.round();
    const [job] = rotationJobs(model.round());
    if (!job) throw new Error('no Job');
    const status = { conditions: [{ type: 'Failed', status: 'True', reason: 'DeadlineExceeded' }] };
    model.children.set(childKey(job.object), { ...job.object, status });
    model.round();
    expect(model.children.has(childKey(job.object))).toBe(false);
    expect(rotationJobs(model.round()).map(({ object }) => childKey(object))).toEqual([childKey(job.object)]);
  });

  it('waits with the lock for a backup that may have begun with the old login', () => {
    const model = RotatedStack.settled();
    model.resource = stack('may');
    const backups = [whatsAppBackup('night', { status: { phase: 'Running' } })];
    model.settle({ backups });
    expect(model.journal.passwordRotation?.phase).toBe('Switching');
    model.settle();
    expect(model.journal.passwordRotation?.phase).toBe('Done');
  });

  it('does not begin while somebody has edited the Secret, and writes back the old login that somebody puts back', () => {
    const model = RotatedStack.settled();
    const before = model.secret;
    const write = (login: Record<string, string>) =>
      model.children.set('Secret/shop-database', {
        ...model.children.get('Secret/shop-database'),
        data: Object.fromEntries(
          Object.entries(login).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
        ),
      } as SecretObject);
    model.resource = stack('may');
    write({ ...before, password: 'edited' });
    model.settle();
    expect(model.journal.passwordRotation).toBeUndefined();
    write(before);
    for (let round = 0; model.journal.passwordRotation?.phase !== 'Switching'; round++) {
      if (round > 10) throw new Error('does not switch');
      model.round();
    }
    model.round();
    write(before);
    const plan = model.round();
    expect(databaseReady(plan)?.reason).toBe('Ready');
    expect(model.secret.username).toBe('waba_2');
    rotate(model, (next) => model.carryOut(next));
  });

  it('has no password in its Job, in the conditions or in the status', () => {
    const model = RotatedStack.settled();
    model.journal = { ...model.journal, databaseLogin: { username: 'admin', password: 'x' } };
    model.resource = stack('may');
    model.round();
    const { passwordRotation: entry } = model.journal;
    model.journal = {
      ...model.journal,
      ...(entry
        ? { passwordRotation: { ...entry, next: { username: 'waba_2', password: 'verySecret1' } } }
        : {}),
    };
    const plan = model.round();
    expect(rotationJobs(plan)).toHaveLength(1);
    const verdicts = plan.steps.map(({ verdict }) => verdict);
    const seen = [applied(plan), verdicts, stackStatus(model.observed(), verdicts, [])];
    expect(JSON.stringify(seen)).not.toContain('verySecret1');
  });
});
