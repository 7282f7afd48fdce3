import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { CodedError } from '../../base/codedError.ts';
import { type Logger, silentLogger } from '../../base/logger.ts';
import { VirtualClock } from '../../base/virtualClock.ts';
import { Controller, type Reconcile, TerminalError } from './controller.ts';
import { ControllerMetrics } from './metrics.ts';

const setup = (reconcile: Reconcile, workers = 2, logger: Logger = silentLogger) => {
  const clock = new VirtualClock();
  const registry = new Registry();
  const controller = new Controller({
    name: 'sample',
    reconcile,
    clock,
    random: () => 1,
    logger,
    metrics: new ControllerMetrics(registry),
    workers,
    reconcileTimeoutMs: 1000,
  });
  const [stop, abort] = [new AbortController(), new AbortController()];
  const running = controller.run(stop.signal, abort.signal);
  return { clock, registry, controller, stop, abort, running };
};

/** Remembers what is logged: the message, with its fields and those of the children that led to it. */
const recordingLogger = () => {
  const lines: Record<string, unknown>[] = [];
  const make = (common: object): Logger => {
    const add = (message: string, fields = {}) => void lines.push({ message, ...common, ...fields });
    return {
      debug: add,
      info: add,
      warn: add,
      error: add,
      child: (fields) => make({ ...common, ...fields }),
    };
  };
  return { lines, logger: make({}) };
};

describe('a controller', () => {
  it('tries again after a failure, later each time, and forgets it after success', async () => {
    const times: number[] = [];
    const { clock, controller, registry } = setup(async () => {
      times.push(clock.now());
      if (times.length < 3) throw new Error('not yet');
      return {};
    });
    controller.queue.add('a');
    await clock.advance(100);
    expect(times).toEqual([0, 5, 15]);
    expect(await registry.metrics()).toContain(
      'controller_runtime_reconcile_errors_total{controller="sample"} 2',
    );
  });

  it('calls a lost race no failure, and looks again', async () => {
    const { lines, logger } = recordingLogger();
    let runs = 0;
    const reconcile = async () => {
      runs += 1;
      if (runs === 1) throw new CodedError('Conflict', 'another process wrote first');
      return {};
    };
    const { clock, controller, registry } = setup(reconcile, 1, logger);
    controller.queue.add('a');
    await clock.advance(100);
    expect(runs).toBe(2);
    expect(lines.map(({ message }) => message)).toEqual([
      'another client was faster; looking again',
      'reconciled',
    ]);
    expect(await registry.metrics()).toContain('reconcile_errors_total{controller="sample"} 0');
  });

  it('comes back after the time that a reconcile asks for', async () => {
    let runs = 0;
    const { clock, controller } = setup(async () => {
      runs += 1;
      return { requeueAfterMs: 30_000 };
    });
    controller.queue.add('a');
    await clock.advance(29_999);
    expect(runs).toBe(1);
    await clock.advance(1);
    expect(runs).toBe(2);
  });

  it('aborts a reconcile that takes too long', async () => {
    const reasons: unknown[] = [];
    const { clock, controller } = setup(
      (_, signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            reasons.push((signal.reason as { code?: string }).code);
            reject(signal.reason);
          });
        }),
    );
    controller.queue.add('a');
    await clock.advance(1000);
    expect(reasons).toEqual(['ReconcileTimeout']);
  });

  it('never works on one key twice at a time, though several workers are idle', async () => {
    let active = 0;
    let most = 0;
    let release = () => {};
    const { clock, controller } = setup(async () => {
      most = Math.max(most, ++active);
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      active -= 1;
      return {};
    }, 4);
    controller.queue.add('a');
    await clock.advance(0);
    controller.queue.add('a');
    await clock.advance(0);
    expect(most).toBe(1);
    release();
    await clock.advance(0);
    expect(active).toBe(1);
    expect(most).toBe(1);
  });

  it('stops gracefully: what is in hand goes on to its end, the rest is left', async () => {
    const seen: string[] = [];
    let finish = () => {};
    const { clock, controller, stop, running } = setup(async (key) => {
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      seen.push(key);
      return {};
    }, 1);
    controller.queue.add('a');
    controller.queue.add('b');
    await clock.advance(0);
    stop.abort();
    await clock.advance(0);
    expect(seen).toEqual([]);
    finish();
    await running;
    expect(seen).toEqual(['a']);
  });

  it('tells what is in hand to end when it is aborted', async () => {
    const seen: string[] = [];
    const { clock, controller, abort, running } = setup(
      (key, signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            seen.push(key);
            resolve({});
          });
        }),
      1,
    );
    controller.queue.add('a');
    controller.queue.add('b');
    await clock.advance(0);
    abort.abort(new Error('lease lost'));
    await running;
    expect(seen).toEqual(['a']);
  });

  it('counts a bug as a panic, goes on with other keys, and tries the broken one again', async () => {
    const seen: string[] = [];
    const { clock, controller, registry } = setup(async (key) => {
      seen.push(key);
      if (key === 'broken' && seen.length < 3) return (undefined as unknown as () => never)();
      return {};
    }, 1);
    controller.queue.add('broken');
    controller.queue.add('sound');
    await clock.advance(100);
    expect(seen).toEqual(['broken', 'sound', 'broken']);
    expect(await registry.metrics()).toContain(
      'controller_runtime_reconcile_panics_total{controller="sample"} 1',
    );
  });

  it('does not try again what only a change can help', async () => {
    let runs = 0;
    const { clock, controller, registry } = setup(async () => {
      runs += 1;
      throw new TerminalError('no such plan');
    });
    controller.queue.add('a');
    await clock.advance(600_000);
    expect(runs).toBe(1);
    expect(await registry.metrics()).toContain(
      'controller_runtime_terminal_reconcile_errors_total{controller="sample"} 1',
    );
  });

  it('marks the lines of one reconcile with one id, its own lines included', async () => {
    const { lines, logger } = recordingLogger();
    const { clock, controller } = setup(
      async (key, _, log) => {
        log.info('working');
        if (key === 'a') throw new Error('not yet');
        return {};
      },
      1,
      logger,
    );
    controller.queue.add('a');
    controller.queue.add('b');
    await clock.advance(0);
    expect(lines.map(({ message, controller: by, key }) => [message, by, key])).toEqual([
      ['working', 'sample', 'a'],
      ['reconcile failed', 'sample', 'a'],
      ['working', 'sample', 'b'],
      ['reconciled', 'sample', 'b'],
    ]);
    const [first, second, third, fourth] = lines.map(({ reconcileID }) => reconcileID);
    expect(first).toMatch(/^[0-9a-f-]{36}$/);
    expect(second).toBe(first);
    expect(third).not.toBe(first);
    expect(fourth).toBe(third);
  });
});
