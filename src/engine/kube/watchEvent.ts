import { CodedError } from '../../base/codedError.ts';
import type { KubeObject } from './kubeObject.ts';
import type { ProtobufReader } from './protobuf/protobufReader.ts';

export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T;
}

const TYPES: readonly string[] = [
  'ADDED',
  'MODIFIED',
  'DELETED',
  'BOOKMARK',
  'ERROR',
] satisfies WatchEvent<unknown>['type'][];
const MOST_SHOWN = 200;

/**
 * One line of a watch, or one frame of protobuf. Only what the reflector needs is checked, because every event of every object comes through here:
 * an event without it would be lost, or would end each attempt to resume the watch.
 *
 * @throws CodedError `MalformedEvent`, `MalformedProtobuf`
 */
export function parseWatchEvent<T extends KubeObject>(
  line: string | Buffer,
  reader?: ProtobufReader,
): WatchEvent<T> {
  const event = typeof line === 'string' ? parsed(line) : reader?.event(line);
  if (isObject(event) && TYPES.includes(event.type as string) && isObject(event.object)) {
    if (event.type === 'ERROR') return event as unknown as WatchEvent<T>;
    const { metadata } = event.object;
    const isNamed = isObject(metadata) && (event.type === 'BOOKMARK' || typeof metadata.name === 'string');
    if (isNamed && typeof metadata.resourceVersion === 'string') return event as unknown as WatchEvent<T>;
  }
  throw new CodedError(
    'MalformedEvent',
    `the API server, or a proxy before it, sent a watch event that cannot be read: ${typeof line === 'string' ? line.slice(0, MOST_SHOWN) : `a frame of ${line.length} bytes`}`,
    { retriable: true },
  );
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
