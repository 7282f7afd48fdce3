import { styleText } from 'node:util';
import { CONDITION_TYPES } from '../../operator/resource/conditions.ts';
import type { Condition, NodeStatus } from '../../operator/resource/status.ts';
import type { WhatsAppDeployment } from '../../operator/resource/whatsAppDeployment.ts';

type Style = Parameters<typeof styleText>[0];

const MARKS = { True: ['✔', 'green'], False: ['✘', 'red'], Unknown: ['?', 'yellow'] } as const;
/** Conditions whose status says nothing about health. */
const NEUTRAL = new Set(['Progressing', 'Paused']);

/** Draws a stack as a tree: its nodes by role, shards, registration, pending changes and conditions. */
export function statusTree(
  { metadata, spec, status }: WhatsAppDeployment,
  options: { colour: boolean },
): string {
  const paint = (style: Style, text: string) => (options.colour ? styleText(style, text) : text);
  const order = (type: string) => (CONDITION_TYPES as readonly string[]).indexOf(type);
  const conditions = [...(status?.conditions ?? [])].sort((a, b) => order(a.type) - order(b.type));
  const stale = (status?.observedGeneration ?? 0) < metadata.generation;
  const lines: string[] = [
    `${paint('bold', metadata.name)}  ${spec.phoneNumber}  ${status?.phase ?? 'Unseen'}${stale ? paint('yellow', '  (status of an older generation)') : ''}`,
  ];
  const branch = (title: string, children: readonly string[], last = false) => {
    lines.push(`${last ? '└─' : '├─'} ${title}`);
    children.forEach(
      (child, index) =>
        void lines.push(`${last ? '  ' : '│ '} ${index === children.length - 1 ? '└─' : '├─'} ${child}`),
    );
  };

  const { database, shards, registration, client, endpoints } = status ?? {};
  if (database)
    branch(
      `${mark(database.ready === true, paint)} Database  ${database.engine ?? ''} ${paint('dim', database.host ?? '')}`,
      [],
    );
  for (const role of ['Master', 'Coreapp', 'Webapp'] as const) {
    const nodes = (status?.nodes ?? []).filter((node) => node.role === role);
    const ready = nodes.filter((node) => node.ready).length;
    if (nodes.length > 0)
      branch(
        `${mark(ready === nodes.length, paint)} ${role}s  ${ready}/${nodes.length} ready`,
        nodes.map((node) => nodeLine(node, paint)),
      );
  }
  if (shards)
    branch(
      `${mark(shards.served === shards.desired, paint)} Shards  ${shards.served ?? 0}/${shards.desired ?? 0} served`,
      [],
    );
  if (registration)
    branch(
      `${mark(registration.state === 'Registered', paint)} Registration  ${registration.state ?? ''} ${registration.verifiedName ?? ''}`.trimEnd(),
      [],
    );
  if (client?.version)
    branch(
      `${paint('dim', '·')} Client  ${client.version}${client.expires ? paint('dim', `, expires ${client.expires}`) : ''}`,
      [],
    );
  if (endpoints?.api) branch(`${paint('dim', '·')} API  ${endpoints.api}`, []);
  const waiting = status?.plan ?? [];
  if (waiting.length > 0)
    branch(
      paint('yellow', 'Pending changes'),
      waiting.map(({ target, action, reason }) => `${action} ${target}: ${reason}`),
    );
  branch(
    'Conditions',
    conditions.map((condition) => conditionLine(condition, paint)),
    true,
  );
  if (conditions.length === 0)
    lines.push(
      `   ${paint('yellow', 'none yet: is the operator running, and does it watch this namespace?')}`,
    );
  return `${lines.join('\n')}\n`;
}

type Paint = (style: Style, text: string) => string;

const mark = (good: boolean, paint: Paint): string => (good ? paint('green', '✔') : paint('red', '✘'));

function nodeLine(node: NodeStatus, paint: Paint): string {
  const owned = (node.shards ?? []).filter((shard) => shard >= 0);
  const notes = [
    node.primary ? 'primary' : undefined,
    node.gatewayStatus,
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
