import type { Source } from '../../engine/controller/sources.ts';
import { isNotFound } from '../../engine/kube/apiError.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import type { EventText } from '../../engine/kube/eventCorrelator.ts';
import type { EventRecorder } from '../../engine/kube/eventRecorder.ts';
import type { KubeObject, ResourceKind } from '../../engine/kube/kubeObject.ts';
import { hashOf } from '../../engine/kube/ownFields.ts';
import type { Condition } from '../resource/status.ts';

interface Told {
  readonly conditions?: readonly Condition[] | undefined;
}

export interface TellStatusOptions {
  readonly client: KubeClient;
  readonly recorder: EventRecorder;
  readonly source: Source<KubeObject>;
  readonly kind: ResourceKind;
  /** Owns the whole status. */
  readonly fieldManager: string;
  /** What an event says of a condition whose reason is new; undefined for those without one. */
  readonly eventOf: (condition: Condition) => EventText | undefined;
}

/** Events hold no more. */
const LONGEST_MESSAGE = 1024;

/** Stores the status of an object unless it is stored already, and records the events of it. An object that is gone needs neither. */
export async function tellStatus<S extends Told>(
  { client, recorder, source, kind, fieldManager, eventOf }: TellStatusOptions,
  object: {
    readonly metadata: { readonly namespace: string; readonly name: string };
    readonly status?: S | undefined;
  },
  status: S,
  signal: AbortSignal,
): Promise<void> {
  if (hashOf(status) === hashOf(object.status ?? {})) return;
  const { namespace, name } = object.metadata;
  const { apiVersion, kind: kindName } = kind;
  try {
    const written = await client.apply<KubeObject>(
      { apiVersion, kind: kindName, metadata: { namespace, name }, status },
      { fieldManager, force: true, subresource: 'status' },
      signal,
    );
    source.cache.observeWrite(written);
  } catch (error) {
    if (isNotFound(error)) return;
    throw error;
  }
  const before = object.status?.conditions ?? [];
  for (const condition of status.conditions ?? []) {
    const { type, reason } = condition;
    if (before.some((known) => known.type === type && known.reason === reason)) continue;
    const event = eventOf(condition);
    if (event)
      recorder.record(object as unknown as KubeObject, {
        ...event,
        message: event.message.slice(0, LONGEST_MESSAGE),
      });
  }
}
