import type { Registry } from 'prom-client';
import { Controller, type ControllerOptions, type Reconcile } from '../../engine/controller/controller.ts';
import { registerFleetMetrics } from '../exporter/fleetMetrics.ts';
import { FleetsReconciler, type FleetsReconcilerOptions } from './fleetsReconciler.ts';
import { parsedFleets } from './observeFleet.ts';
import { onFleetChange } from './onFleetChange.ts';

export interface FleetsControllerOptions
  extends FleetsReconcilerOptions,
    Omit<ControllerOptions, 'name' | 'reconcile' | 'workers' | 'clock'> {
  readonly registry: Registry;
  /** Runs a reconcile only where this installation works; the function tells whether there is anything left to work on. */
  readonly whereOurs: (reconcile: Reconcile, isLeft: (key: string) => boolean) => Reconcile;
}

/** The controller of fleets, with what wakes it. */
export function fleetsController(options: FleetsControllerOptions): Controller {
  const { sources, whereOurs } = options;
  const reconciler = new FleetsReconciler(options);
  const controller = new Controller({
    ...options,
    name: 'fleets',
    // Each reconcile looks at the stacks of all fleets.
    workers: 1,
    known: () => sources.fleets.cache.keys(),
    reconcile: whereOurs(reconciler.reconcile, (key) => sources.fleets.cache.get(key) !== undefined),
  });
  onFleetChange(sources, controller.queue, reconciler);
  const { registry, metrics, shards } = options;
  const ours = () =>
    parsedFleets(sources).filter(({ metadata }) => shards?.isOpen(metadata.namespace) ?? true);
  registerFleetMetrics({ registry, fleets: ours, isWorking: () => metrics.isWorking });
  return controller;
}
