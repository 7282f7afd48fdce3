import { afterEach, describe, expect, it, vi } from 'vitest';
import { KubeClient } from '../../src/engine/kube/client.ts';
import type * as ApiObstacle from '../../src/operator/plan/decide/apiObstacle.ts';
import type * as ChangePolicy from '../../src/operator/plan/decide/changePolicy.ts';
import type * as NextRestart from '../../src/operator/plan/decide/nextRestart.ts';
import type * as Resharding from '../../src/operator/plan/decide/resharding.ts';
import { type Observation, podsSeen } from '../../src/operator/plan/facts/observed.ts';
import type * as WorkloadChecks from '../../src/operator/plan/tell/workloadChecks.ts';
import { runRolls } from '../support/rollSimulation.ts';
import { PROPERTIES, type Property } from '../support/rollSimulationMonitor.ts';

/** Schedules with fixed seeds within which each deliberate break must be caught, so that the result does not vary. */
const MOST_UNTIL_CAUGHT = process.env.RARE_BREAKS === undefined ? 200 : 2_000;

/** Wraps a function of the operator; undefined leaves it as it is. */
type Wrap<F extends (...args: never[]) => unknown> = (real: F) => F;
interface Breaks {
  apiObstacle?: Wrap<typeof ApiObstacle.apiObstacle>;
  slotObstacle?: Wrap<typeof ApiObstacle.slotObstacle>;
  nextRestart?: Wrap<typeof NextRestart.nextRestart>;
  changePolicy?: Wrap<typeof ChangePolicy.changePolicy>;
  reshardingStep?: Wrap<typeof Resharding.reshardingStep>;
  judgeWorkloads?: Wrap<typeof WorkloadChecks.judgeWorkloads>;
}
const { breaks } = vi.hoisted(() => ({ breaks: {} as Breaks }));

vi.mock('../../src/operator/plan/decide/apiObstacle.ts', async (original) => {
  const real = await original<typeof ApiObstacle>();
  return {
    ...real,
    apiObstacle: (...args: Parameters<typeof real.apiObstacle>) =>
      (breaks.apiObstacle?.(real.apiObstacle) ?? real.apiObstacle)(...args),
    slotObstacle: (...args: Parameters<typeof real.slotObstacle>) =>
      (breaks.slotObstacle?.(real.slotObstacle) ?? real.slotObstacle)(...args),
  };
});
vi.mock('../../src/operator/plan/decide/nextRestart.ts', async (original) => {
  const real = await original<typeof NextRestart>();
  return {
    ...real,
    nextRestart: (...args: Parameters<typeof real.nextRestart>) =>
      (breaks.nextRestart?.(real.nextRestart) ?? real.nextRestart)(...args),
  };
});
vi.mock('../../src/operator/plan/decide/changePolicy.ts', async (original) => {
  const real = await original<typeof ChangePolicy>();
  return {
    ...real,
    changePolicy: (...args: Parameters<typeof real.changePolicy>) =>
      (breaks.changePolicy?.(real.changePolicy) ?? real.changePolicy)(...args),
  };
});
vi.mock('../../src/operator/plan/decide/resharding.ts', async (original) => {
  const real = await original<typeof Resharding>();
  return {
    ...real,
    reshardingStep: (...args: Parameters<typeof real.reshardingStep>) =>
      (breaks.reshardingStep?.(real.reshardingStep) ?? real.reshardingStep)(...args),
  };
});
vi.mock('../../src/operator/plan/tell/workloadChecks.ts', async (original) => {
  const real = await original<typeof WorkloadChecks>();
  return {
    ...real,
    judgeWorkloads: (...args: Parameters<typeof real.judgeWorkloads>) =>
      (breaks.judgeWorkloads?.(real.judgeWorkloads) ?? real.judgeWorkloads)(...args),
  };
});

afterEach(() => {
  for (const name of Object.keys(breaks) as (keyof Breaks)[]) delete breaks[name];
  vi.restoreAllMocks();
});

const CHANGING = ['Unobserved', 'Terminating', 'Absent', 'Starting'];

/** The observation of a stack as if spec.upgrade.mode were Automatic. */
const automatic = <O extends Observation>(observed: O): O => {
  const { resource } = observed;
  const upgrade = { ...resource.spec.upgrade, mode: 'Automatic' as const };
  return { ...observed, resource: { ...resource, spec: { ...resource.spec, upgrade } } };
};

/** Deliberate breaks of the operator, and a property that must catch each. */
const ALL_BREAKS: readonly { name: string; property: Property; isRare?: true; apply: () => void }[] = [
  {
    name: 'an operator that does not wait until other pods are ready again',
    property: 'oneAtATime',
    apply: () => {
      breaks.nextRestart = (real) => (situation) =>
        real({
          ...situation,
          unsettled: [],
          slots: situation.slots.map((slot) =>
            CHANGING.includes(slot.state) ? { ...slot, state: 'Current' as const } : slot,
          ),
        });
    },
  },
  {
    name: 'an operator that never asks whether shards are served',
    property: 'served',
    apply: () => {
      breaks.apiObstacle = () => () => undefined;
    },
  },
  {
    name: 'an operator that trusts any earlier answer of the API',
    isRare: true,
    property: 'served',
    apply: () => {
      breaks.apiObstacle = (real) => (observed) => {
        const { api, pods, nowMs } = observed;
        return real({ ...observed, api: api && { ...api, podsSeen: podsSeen(pods), atMs: nowMs } });
      };
    },
  },
  {
    name: 'an operator that restarts an owner without a standby',
    property: 'standby',
    apply: () => {
      breaks.slotObstacle = () => () => undefined;
    },
  },
  {
    name: 'an operator that leaves pods alone that never became ready',
    property: 'converges',
    apply: () => {
      breaks.nextRestart = (real) => (situation) => {
        const decision = real(situation);
        return { ...decision, repair: [], next: decision.next?.pod?.ready ? decision.next : undefined };
      };
    },
  },
  {
    name: 'an operator that restarts pods without approval',
    property: 'approved',
    apply: () => {
      breaks.changePolicy = (real) => (observed) => real(automatic(observed));
    },
  },
  {
    name: 'an operator that changes the number of shards without approval',
    property: 'approved',
    apply: () => {
      breaks.reshardingStep = (real) => (observed, isRegistered, nowMs) =>
        real(automatic(observed), isRegistered, nowMs);
    },
  },
  {
    name: 'an operator that is Ready while a restart is due',
    property: 'ready',
    apply: () => {
      breaks.judgeWorkloads = (real) => (input) =>
        real({ ...input, rollout: { ...input.rollout, isRolling: false, underWay: undefined } });
    },
  },
  {
    name: 'an operator that forgets the restart that another process may still have under way',
    isRare: true,
    property: 'oneAtATime',
    apply: () => {
      breaks.nextRestart = (real) => (situation) => real({ ...situation, ticket: undefined });
    },
  },
  {
    name: 'an operator that deletes a pod whatever happened to it meanwhile',
    isRare: true,
    property: 'oneAtATime',
    apply: () => {
      const real = KubeClient.prototype.delete;
      vi.spyOn(KubeClient.prototype, 'delete').mockImplementation(function (
        this: KubeClient,
        kind,
        namespace,
        name,
        { uid: _, resourceVersion: __, ...options },
        signal,
      ) {
        return real.call(this, kind, namespace, name, options, signal);
      });
    },
  },
];

/** Rare ones need hundreds of schedules: RARE_BREAKS=1, as in the soak, runs them too, and longer. */
const RARE_BREAKS = process.env.RARE_BREAKS !== undefined;
const BREAKS = ALL_BREAKS.filter(({ isRare }) => RARE_BREAKS || !isRare);

describe('the roll schedules catch', () => {
  it('a break of every property', () => {
    expect(new Set(BREAKS.map(({ property }) => property))).toEqual(new Set(Object.keys(PROPERTIES)));
  });

  it.each(BREAKS)(
    '$name',
    async ({ name, property, apply }) => {
      apply();
      for (let seed = 1; seed <= MOST_UNTIL_CAUGHT; seed++) {
        const { violations } = await runRolls({ seed });
        if (!violations.some((violation) => violation.property === property)) continue;
        process.stderr.write(`${name}: caught by SEED=${seed}\n`);
        return;
      }
      throw new Error(`not caught in ${MOST_UNTIL_CAUGHT} schedules`);
    },
    3_600_000,
  );
});
