import type { Role, SpecModel } from './rollSimulationSpec.ts';

const ACTS = {
  change: 40,
  rotate: 3,
  approve: 5,
  controllers: 8,
  flap: 7,
  crash: 8,
  machine: 4,
  evict: 4,
  disconnect: 4,
  suspend: 6,
  kill: 6,
  outage: 3,
  apiOutage: 3,
  compact: 2,
} as const;
export type Act = keyof typeof ACTS;

/** Changes of a spec. */
const CHANGES = {
  'image of the nodes': 3,
  'image of the Webapps': 2,
  'image of the database': 2,
  'a variable of the Masters': 4,
  'a variable of the Coreapps': 5,
  'a variable of the Webapps': 3,
  'resources of the Masters': 2,
  'resources of the Coreapps': 3,
  'resources of the database': 3,
  'a bad variable': 2,
  'a bad request': 1,
  'a bad image': 2,
  shards: 3,
  standbys: 3,
  masters: 2,
  webapps: 3,
  'the mode of upgrades': 2,
} as const;
type ChangeName = keyof typeof CHANGES;

/** One thing that happens, chosen before the schedule runs, so that it can be left out. */
export interface Step {
  readonly afterMs: number;
  readonly act: Act;
  readonly changes: readonly ChangeName[];
  readonly dice: number;
  readonly more: number;
  readonly forMs: number;
}

const MOST_STEPS = 10;
/** How long each act lasts, in milliseconds: from, to. The controllers stop for 3 s or for 60 s. */
const LASTS: Partial<Record<Act, readonly [number, number]>> = {
  flap: [500, 15_000],
  machine: [5000, 90_000],
  disconnect: [500, 12_000],
  suspend: [500, 40_000],
  kill: [100, 8000],
  outage: [500, 20_000],
  apiOutage: [500, 30_000],
};

function weighted<K extends string>(weights: Readonly<Record<K, number>>, dice: number): K {
  const entries = Object.entries(weights) as [K, number][];
  let left = dice * entries.reduce((sum, [, weight]) => sum + weight, 0);
  const found = entries.find(([, weight]) => {
    left -= weight;
    return left < 0;
  });
  return (found ?? (entries.at(-1) as [K, number]))[0];
}

export function firstSpec(random: () => number): SpecModel {
  const isCluster = random() < 0.9;
  const shards = random() < 0.6 ? 1 : 2;
  return {
    isCluster,
    shards: isCluster ? shards : 1,
    standbys: random() < 0.7 ? 1 : 0,
    masters: random() < 0.6 ? 2 : 1,
    webapps: isCluster && random() < 0.5 ? 2 : 1,
    images: {},
    marks: {},
    cpus: {},
    isManual: random() < 0.2,
    bad: [],
  };
}

export function stepsOf(random: () => number): Step[] {
  const count = 3 + Math.floor(random() * (MOST_STEPS - 3));
  return Array.from({ length: count }, (_, index) => {
    // The first step gives the others something to disturb.
    const act = index === 0 ? 'change' : weighted(ACTS, random());
    const [from, to] = LASTS[act] ?? [0, 0];
    const lasts = from + random() * (to - from);
    return {
      afterMs: random() * (random() < 0.7 ? 4000 : 25_000),
      act,
      changes:
        act === 'change'
          ? Array.from({ length: 1 + Math.floor(random() * 3) }, () => weighted(CHANGES, random()))
          : [],
      dice: random(),
      more: random(),
      forMs: act === 'controllers' ? (random() < 0.7 ? 3000 : 60_000) : lasts,
    };
  });
}

/** The spec after some changes; each of the two numbers from 0 to 1 decides what is changed to what. */
export function changedSpec(
  model: SpecModel,
  changes: readonly ChangeName[],
  dice: number,
  more: number,
): SpecModel {
  let spec = model;
  for (const change of changes) spec = { ...spec, ...changed(spec, change, dice, more) };
  return spec;
}

function changed(spec: SpecModel, change: ChangeName, dice: number, more: number): Partial<SpecModel> {
  const { images, marks, cpus } = spec;
  const value = String(1 + Math.floor(more * 5));
  const role: Exclude<Role, 'database'> =
    dice < 0.5 ? 'coreapp' : dice < 0.8 && spec.isCluster ? 'master' : 'webapp';
  switch (change) {
    case 'image of the nodes':
      return { images: { ...images, coreapp: `core:${value}` } };
    case 'image of the Webapps':
      return { images: { ...images, webapp: `web:${value}` } };
    case 'image of the database':
      return { images: { ...images, database: `db:${value}` } };
    case 'a variable of the Masters':
      return { marks: { ...marks, master: value }, bad: spec.bad.filter((one) => one !== 'master') };
    case 'a variable of the Coreapps':
      return { marks: { ...marks, coreapp: value }, bad: spec.bad.filter((one) => one !== 'coreapp') };
    case 'a variable of the Webapps':
      return { marks: { ...marks, webapp: value }, bad: spec.bad.filter((one) => one !== 'webapp') };
    case 'resources of the Masters':
      return { cpus: { ...cpus, master: value } };
    case 'resources of the Coreapps':
      return { cpus: { ...cpus, coreapp: value } };
    case 'resources of the database':
      return { cpus: { ...cpus, database: value } };
    case 'a bad variable':
      return { bad: [...new Set([...spec.bad, role])] };
    case 'a bad request':
      return { cpus: { ...cpus, [role]: '1000' } };
    case 'a bad image':
      return { images: { ...images, [dice < 0.6 ? 'database' : 'webapp']: 'bad:1' } };
    case 'shards':
      return spec.isCluster ? { shards: more < 0.4 ? 1 : more < 0.85 ? 2 : 4 } : {};
    case 'standbys':
      return { standbys: more < 0.3 ? 0 : more < 0.9 ? 1 : 2 };
    case 'masters':
      return { masters: more < 0.5 ? 1 : 2 };
    case 'the mode of upgrades':
      return { isManual: dice < 0.5 };
    case 'webapps':
      return spec.isCluster ? { webapps: 1 + Math.floor(more * 3) } : {};
  }
}
