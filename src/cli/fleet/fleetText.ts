import type { Reason } from '../../operator/resource/conditions.ts';
import { fleetReasons } from '../../operator/resource/fleetReasons.ts';
import type { WhatsAppFleet } from '../../operator/resource/whatsAppFleet.ts';
import { shortAge } from '../shortAge.ts';
import { table } from '../table.ts';

const fleetCondition = ({ status }: WhatsAppFleet, type: 'Complete' | 'Halted') =>
  status?.conditions?.find((condition) => condition.type === type);

export const isHalted = (fleet: WhatsAppFleet): boolean => fleetCondition(fleet, 'Halted')?.status === 'True';

/** A line for each fleet. */
export const fleetsText = (fleets: readonly WhatsAppFleet[], nowMs: number): string =>
  table(
    ['NAMESPACE', 'NAME', 'VERSION', 'STATE', 'RING', 'UPDATED', 'SINCE'],
    fleets.map(({ metadata, spec, status = {} }) => [
      metadata.namespace,
      metadata.name,
      spec.version ?? '-',
      status.phase ?? '-',
      status.summary?.ring ?? '-',
      status.summary?.updated ?? '-',
      status.target?.since === undefined ? '-' : shortAge(nowMs - Date.parse(status.target.since)),
    ]),
  );

/** One fleet: its rings, the stacks that change or failed, and what a person does next. */
export function fleetText(fleet: WhatsAppFleet, nowMs: number): string {
  const { metadata, spec, status = {} } = fleet;
  if (!status.conditions) return `${metadata.name}: the operator has not looked at it yet\n`;
  const { version, since, isRollback } = status.target ?? {};
  const what = isRollback ? 'back to ' : '';
  const age = since === undefined ? '' : `, begun ${shortAge(nowMs - Date.parse(since))} ago`;
  const lines = [
    `${metadata.namespace}/${metadata.name}: ${what}${version ?? 'changes of the operator'}, ${status.summary?.updated ?? '0/0'} stacks${age}`,
    `${status.phase}: ${(isHalted(fleet) ? fleetCondition(fleet, 'Halted') : fleetCondition(fleet, 'Complete'))?.message ?? ''}`,
  ];
  const rings = table(
    ['RING', 'STATE', 'STACKS', 'UPDATED', 'CHANGING', 'WAITING', 'HELD', 'FAILED'],
    (status.rings ?? []).map((ring) => [
      ring.name,
      ring.phase,
      ...[ring.stacks, ring.updated, ring.rolling, ring.waiting, ring.held, ring.failed].map(String),
    ]),
  );
  const stacks = (status.stacks ?? []).map(({ name, state, reason }) => `  ${state} ${name}: ${reason}`);
  const next = nextStep(fleet);
  return [
    ...lines,
    '',
    rings.trimEnd(),
    ...(stacks.length > 0 ? ['', ...stacks] : []),
    ...(next === undefined ? [] : ['', next]),
    ...(spec.paused
      ? ['', `paused; to go on: kubectl waba fleet resume ${metadata.name} -n ${metadata.namespace}`]
      : []),
    '',
  ].join('\n');
}

/** What a person does about a halt. */
function nextStep(fleet: WhatsAppFleet): string | undefined {
  if (!isHalted(fleet)) return undefined;
  const { reason = '' } = fleetCondition(fleet, 'Halted') ?? {};
  const known: Readonly<Record<string, Reason>> = fleetReasons;
  const { name, namespace } = fleet.metadata;
  return known[reason]?.fix?.replaceAll('NAME', `${name} -n ${namespace}`);
}
