import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import type { NodeHealth } from '../../../onprem/health.ts';
import type { NodeSupport } from '../../../onprem/support.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import type { Journal } from './journal.ts';
import { labels } from './names.ts';

/** A pod of the stack, as far as the plan looks at it. */
export interface PodView {
  readonly name: string;
  readonly component: string;
  readonly topology: string | undefined;
  readonly ready: boolean;
  readonly terminating: boolean;
  readonly ip: string | undefined;
  /** Value of the annotation that counts restarts for settings. */
  readonly restarts: string | undefined;
  /** Why it can't start, where it can't: `CreateContainerConfigError: ...`. */
  readonly problem: string | undefined;
}

/** What the stack's API said last. */
export interface ApiObservation {
  /** By pod name; a single instance's only node by that of its pod. */
  readonly health: Readonly<Record<string, NodeHealth>>;
  readonly support: Readonly<Record<string, NodeSupport>>;
  /** How many the number is split into, where the stack says so. */
  readonly shards?: number | undefined;
}

/** A Secret that the resource refers to. */
export interface ReferencedSecret {
  readonly name: string;
  readonly data: Readonly<Record<string, string>> | undefined;
  /** The same as base64, for what is no text. */
  readonly raw?: Readonly<Record<string, string>> | undefined;
}

/** Everything that can be seen of a stack. */
export interface Observation {
  readonly resource: WhatsAppDeployment;
  /** All stacks of the namespace, this one among them. */
  readonly stacks: readonly WhatsAppDeployment[];
  /** Stacks with the same number, wherever the operator watches. */
  readonly sameNumber: readonly WhatsAppDeployment[];
  /** Objects of ours by `Kind/name`. */
  readonly children: ReadonlyMap<string, KubeObject>;
  readonly pods: readonly PodView[];
  readonly referenced: ReadonlyMap<string, ReferencedSecret>;
  readonly journal: Journal | undefined;
  readonly api: ApiObservation | undefined;
}

/** Everything the plan is made from. */
export interface Observed extends Observation {
  /** Whether this stack may restart pods now; only so many stacks may at the same time. */
  readonly mayRoll: boolean;
}

/** Objects of a kind that are the stack's own; the network that stacks share is among the children too. */
export const ownedBy = ({ children, resource }: Observed, kind: string): KubeObject[] =>
  [...children.values()].filter(
    (object) => object.kind === kind && object.metadata.labels?.[labels.instance] === resource.metadata.name,
  );
