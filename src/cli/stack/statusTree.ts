import { styleText } from 'node:util';
import { CONDITION_TYPES, fixOf } from '../../operator/resource/conditions.ts';
import type { Condition, NodeStatus } from '../../operator/resource/status.ts';
import type { WhatsAppDeployment } from '../../operator/resource/whatsAppDeployment.ts';
import { shortAge } from '../shortAge.ts';
import type { StackEvent } from './stackEvents.ts';

type Style = Parameters<typeof styleText>[0];

const MARKS = { True: ['✔', 'green'], False: ['✘', 'red'], Unknown: ['?', 'yellow'] } as const;
/** Conditions whose status says nothing about health. */
const NEUTRAL = new Set(['Progressing', 'Paused', 'Hibernated']);

/** A line of the tree, and the lines below it. */
interface Branch {
  readonly title: string;
  readonly children?: readonly string[];
}

interface TreeOptions {
  readonly colour: boolean;
  /** Oldest first. */
  readonly events?: readonly StackEvent[];
  /** What runs in the stack, line by line; not shown if undefined. */
  readonly objects?: readonly string[] | undefined;
  /** For stacks of several namespaces, which may have the same name. */
  readonly withNamespace?: boolean;
  readonly nowMs?: number;
}

/** Draws a stack as a tree: its nodes by role, shards, registration, pending changes, conditions, events, the next step. */
export function statusTree(stack: WhatsAppDeployment, options: TreeOptions): string {
  const paint = (style: Style, text: string) => (options.colour ? styleText(style, text) : text);
  const conditions = conditionLines(stack, paint);
  const { events = [], objects, nowMs = 0 } = options;
  const recent = { title: 'Recent events', children: events.map((event) => eventLine(event, nowMs, paint)) };
  const branches = [
    ...partsOf(stack, paint),
    ...(objects ? [{ title: 'Objects', children: objects }] : []),
    ...(events.length > 0 ? [recent] : []),
    { title: 'Conditions', children: conditions },
  ];
  const lines = [headline(stack, options, paint), ...branches.flatMap(draw)];
  if (conditions.length === 0) lines.push(`   ${paint('yellow', NO_CONDITIONS)}`);
  const next = nextStep(stack);
  if (next) lines.push(`${paint('bold', 'Next:')} ${next}`);
  return `${lines.join('\n')}\n`;
}

const NO_CONDITIONS = 'none yet: is the operator running, and does it watch this namespace?';

/** What a person can do about the first condition that is not met. */
function nextStep({ status }: WhatsAppDeployment): string | undefined {
  const failed = (status?.conditions ?? [])
    .filter(({ type, status: met }) => met === 'False' && type !== 'Ready' && !NEUTRAL.has(type))
    .sort(byOrder);
  return failed.map(({ reason }) => fixOf(reason)).find((fix) => fix !== undefined && fix !== '');
}

function eventLine({ time, type, reason, object, message }: StackEvent, nowMs: number, paint: Paint): string {
  const text = `${shortAge(nowMs - Date.parse(time)).padEnd(5)} ${reason}  ${object}  ${message}`;
  return type === 'Warning' ? paint('yellow', text) : paint('dim', text);
}

function draw({ title, children = [] }: Branch, index: number, all: readonly Branch[]): string[] {
  const isLast = index === all.length - 1;
  return [
    `${isLast ? '└─' : '├─'} ${title}`,
    ...children.map(
      (child, at) => `${isLast ? '  ' : '│ '} ${at === children.length - 1 ? '└─' : '├─'} ${child}`,
    ),
  ];
}

function headline(
  { metadata, spec, status }: WhatsAppDeployment,
  { nowMs = 0, withNamespace = false }: TreeOptions,
  paint: Paint,
): string {
  const name = withNamespace ? `${metadata.namespace}/${metadata.name}` : metadata.name;
  const seen = status?.observedGeneration;
  const isStale = seen !== undefined && seen < metadata.generation;
  const note = isStale ? paint('yellow', '  (status of an older generation)') : '';
  return `${paint('bold', name)}  ${spec.phoneNumber}  ${status?.phase ?? 'Unseen'}${restsFor(status, nowMs)}${note}`;
}

/** How long somebody has kept the stack from running, or from being changed. */
function restsFor(status: WhatsAppDeployment['status'], nowMs: number): string {
  const rest = status?.conditions?.find(
    ({ type, status: met }) => type === status.phase && met === 'True' && RESTS.has(type),
  );
  return rest ? ` for ${shortAge(nowMs - Date.parse(rest.lastTransitionTime))}` : '';
}
const RESTS = new Set(['Paused', 'Hibernated']);

/** A branch for each part of the stack that the status tells about. */
function partsOf({ status = {} }: WhatsAppDeployment, paint: Paint): Branch[] {
  const { database, shards, registration, client, endpoints, plan = [] } = status;
  const part = (isGood: boolean | undefined, text: string): Branch => ({
    title: `${isGood === undefined ? paint('dim', '·') : mark(isGood, paint)} ${text}`.trimEnd(),
  });
  return [
    database &&
      part(
        database.ready === true,
        `Database  ${database.engine ?? ''} ${paint('dim', database.host ?? '')}`,
      ),
    ...(['Master', 'Coreapp', 'Webapp'] as const).map((role) => nodesOf(role, status, paint)),
    shards &&
      part(shards.served === shards.desired, `Shards  ${shards.served ?? 0}/${shards.desired ?? 0} served`),
    registration &&
      part(
        registration.state === 'Registered',
        `Registration  ${registration.state ?? ''} ${registration.verifiedName ?? ''}`,
      ),
    client?.version
      ? part(
          undefined,
          `Client  ${client.version}${client.expires ? paint('dim', `, expires ${client.expires}`) : ''}`,
        )
      : undefined,
    endpoints?.api ? part(undefined, `API  ${endpoints.api}`) : undefined,
    plan.length > 0
      ? {
          title: paint('yellow', 'Pending changes'),
          children: plan.map(({ target, action, reason }) => `${action} ${target}: ${reason}`),
        }
      : undefined,
  ].filter((branch) => branch !== undefined);
}

type StackStatus = NonNullable<WhatsAppDeployment['status']>;

function nodesOf(
  role: NodeStatus['role'],
  { nodes = [], registration }: StackStatus,
  paint: Paint,
): Branch | undefined {
  const own = nodes.filter((node) => node.role === role);
  const isRegistered = registration?.state === 'Registered';
  if (own.length === 0) return undefined;
  const ready = own.filter((node) => node.ready).length;
  return {
    title: `${mark(ready === own.length, paint)} ${role}s  ${ready}/${own.length} ready`,
    children: own.map((node) => nodeLine(node, isRegistered, paint)),
  };
}

function conditionLines({ status }: WhatsAppDeployment, paint: Paint): string[] {
  return [...(status?.conditions ?? [])].sort(byOrder).map((condition) => conditionLine(condition, paint));
}

const order = ({ type }: Condition): number => (CONDITION_TYPES as readonly string[]).indexOf(type);
const byOrder = (a: Condition, b: Condition): number => order(a) - order(b);

type Paint = (style: Style, text: string) => string;

const mark = (good: boolean, paint: Paint): string => (good ? paint('green', '✔') : paint('red', '✘'));

/**
 * A node that waits for its turn has no connection, and is as it should be. A spare Coreapp of a registered number may never have
 * heard of the registration.
 */
function isStandby(node: NodeStatus, isRegistered: boolean): boolean {
  const { role, ready, primary, gatewayStatus, shards = [] } = node;
  const waits = gatewayStatus === 'disconnected' || (isRegistered && gatewayStatus === 'unregistered');
  return role !== 'Webapp' && ready && !primary && waits && shards.length === 0;
}

function nodeLine(node: NodeStatus, isRegistered: boolean, paint: Paint): string {
  const owned = (node.shards ?? []).filter((shard) => shard >= 0);
  const notes = [
    node.primary ? 'primary' : undefined,
    isStandby(node, isRegistered) ? 'standby' : node.gatewayStatus,
    owned.length > 0 ? `shard ${owned.join(', ')}` : undefined,
    node.address,
  ].filter((note) => note !== undefined);
  return `${mark(node.ready, paint)} ${node.name}  ${paint('dim', notes.join(' · '))}`;
}

function conditionLine({ type, status, reason, message }: Condition, paint: Paint): string {
  const [sign, style] = NEUTRAL.has(type) ? (['·', 'dim'] as const) : MARKS[status];
  const text = `${type.padEnd(18)} ${reason.padEnd(18)} ${message}`;
  return `${paint(style, sign)} ${status === 'True' ? paint('dim', text) : text}`;
}
