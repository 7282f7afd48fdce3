import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import type { NodeHealth } from '../../../onprem/health.ts';
import type { NodeSupport } from '../../../onprem/support.ts';
import type { WhatsAppBackup } from '../../resource/whatsAppBackup.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import type { ClusterView } from './databaseCluster.ts';
import type { Journal } from './journal.ts';
import { labels } from './names.ts';
import type { PodSecurity } from './podSecurity.ts';
import type { RestoreNews } from './restore.ts';

/** What keeps a pod from running, in the words of a reason. */
export type PodTrouble =
  | 'Unschedulable'
  | 'ImagePullFailed'
  | 'CreateContainerConfigError'
  | 'CreateContainerError'
  | 'VolumeNotMounted'
  | 'CrashLoopBackOff'
  | 'OOMKilled'
  | 'Evicted';

export interface PodProblem {
  readonly reason: PodTrouble;
  /** What Kubernetes says about it, without the name of the pod. */
  readonly text: string;
  /** Epoch ms. */
  readonly sinceMs: number;
}

/** The fields of a pod that the plan reads. */
export interface PodView {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Revision of the template that the pod was made from; undefined for pods of a Deployment or Job. */
  readonly revision: string | undefined;
  /** Client version in the pod's label. */
  readonly version: string | undefined;
  readonly component: string;
  readonly topology: string | undefined;
  readonly ready: boolean;
  /** The pod was never ready, or cannot run: replacing it interrupts nothing. */
  readonly stuck: boolean;
  readonly terminating: boolean;
  readonly ip: string | undefined;
  /** Value of the annotation that counts restarts for settings. */
  readonly restarts: string | undefined;
  /** The database offers TLS, or the node demands it. */
  readonly databaseTls: boolean;
  /** Why the pod cannot run, if it cannot. */
  readonly problem: PodProblem | undefined;
  /** The container that the problem concerns, or the first one. */
  readonly container: string | undefined;
  /** Epoch ms since when that container runs; undefined if it does not. */
  readonly runningSinceMs: number | undefined;
  /** Epoch ms. */
  readonly createdMs: number;
}

/** What Kubernetes knows about an object and writes into no field that the operator watches. */
export interface Clue {
  /** The last lines that a container printed, oldest first. */
  readonly lines?: readonly string[];
  /** Events about the object that tell what it waits for, newest first. */
  readonly warnings?: readonly { readonly reason: string; readonly message: string }[];
}

/** Whether a pod of this role is ready and stays. */
export const isServing = (pod: PodView, component: string): boolean =>
  pod.component === component && pod.ready && !pod.terminating;

/** Where Webapps that are ready listen. */
export const webappAddresses = ({ pods }: Pick<Observation, 'pods'>): string[] =>
  pods.flatMap((pod) => (isServing(pod, 'webapp') && pod.ip ? [pod.ip] : []));

/** The last answers of the stack's API. */
export interface ApiObservation {
  /** Epoch ms at which the operator began to ask. */
  readonly atMs: number;
  /** The pods when the operator began to ask: see `podsSeen`. */
  readonly podsSeen: string;
  /** By pod name, also in a Single stack, where the API gives the node no name. */
  readonly health: Readonly<Record<string, NodeHealth>>;
  readonly support: Readonly<Record<string, NodeSupport>>;
  /** How many shards the number has; undefined if the stack does not report it. */
  readonly shards?: number | undefined;
  /** The same as of the last look that the stack reported it to: only a primary Master does. */
  readonly lastShards?: number | undefined;
  /** The nodes have begun to answer otherwise, and the look that asks all of them is still under way. */
  readonly isSuperseded?: true;
}

/** A Secret that the resource refers to. */
export interface ReferencedSecret {
  readonly name: string;
  readonly data: Readonly<Record<string, string>> | undefined;
  /** The same as base64, for binary values. */
  readonly raw?: Readonly<Record<string, string>> | undefined;
}

/** Another stack, present or deleted, that has Masters or Coreapps with the same number. */
export interface Rival {
  /** `namespace/name`. */
  readonly stack: string;
  /** Its resource does not exist any more. */
  readonly isGone: boolean;
  /** Names of the Masters and Coreapps. */
  readonly pods: readonly string[];
}

/** Everything that the operator observes of a stack. */
export interface Observation {
  readonly resource: WhatsAppDeployment;
  /** All stacks of the namespace, this one among them. */
  readonly stacks: readonly WhatsAppDeployment[];
  /** Stacks with the same number in all watched namespaces. */
  readonly sameNumber: readonly WhatsAppDeployment[];
  /** Stacks with the same databases on the same server in all watched namespaces; absent for an observer who did not look. */
  readonly sameDatabase?: readonly WhatsAppDeployment[];
  /** Other stacks whose Masters or Coreapps run with the number; absent for an observer who may not see their pods. */
  readonly rivals?: readonly Rival[];
  /** Objects of the operator, by `Kind/name`. */
  readonly children: ReadonlyMap<string, KubeObject>;
  readonly pods: readonly PodView[];
  /** Pods of the network process, which the stacks of a namespace share. */
  readonly sharedPods?: readonly PodView[];
  /** Asked for only while something does not run, by UID of the object. */
  readonly clues?: ReadonlyMap<string, Clue>;
  /** The database cluster of another operator; absent for a stack without, and for an observer who does not look. */
  readonly cluster?: ClusterView | undefined;
  readonly referenced: ReadonlyMap<string, ReferencedSecret>;
  /** The backups of this stack; absent for an observer who does not look at them. */
  readonly backups?: readonly WhatsAppBackup[];
  /** The Jobs of its backups and its restore that work with the database, also those that have ended. */
  readonly databaseJobs?: readonly KubeObject[];
  /** The controller of the backups works on this stack, and may just be creating such a Job. */
  readonly isBackingUp?: boolean;
  readonly journal: Journal | undefined;
  /** How far the restore of this stack is; absent for an observer who does not restore, and for a stack without. */
  readonly restore?: RestoreNews | undefined;
  readonly api: ApiObservation | undefined;
  /** What the pods carry as the hash of the Secrets that they read, for an observer who may not read these Secrets. */
  readonly secretsHash?: string | undefined;
}

/** The input of the plan. */
export interface Observed extends Observation {
  /** Whether this stack may restart pods now; the roll budget limits how many stacks may at the same time. */
  readonly mayRoll: boolean;
  /** Epoch ms. */
  readonly nowMs: number;
  /** What users may give pods; everything unless given. */
  readonly podSecurity?: PodSecurity | undefined;
  /** Where the operator runs, for what must let it in; absent for an observer who is not the operator. */
  readonly operatorNamespace?: string | undefined;
}

/**
 * Objects of a kind that belong to this stack alone; `children` also holds the shared network process. A child whose label
 * somebody edited still has its controller.
 */
export const ownedBy = (
  { children, resource }: Pick<Observed, 'children' | 'resource'>,
  kind: string,
): KubeObject[] =>
  [...children.values()].filter(
    ({ kind: found, metadata }) =>
      found === kind &&
      (metadata.labels?.[labels.instance] === resource.metadata.name ||
        metadata.ownerReferences?.some(({ controller, uid }) => controller && uid === resource.metadata.uid)),
  );

/** Identifies a state of the pods: any change of one of them changes it. */
export const podsSeen = (pods: readonly PodView[]): string =>
  pods
    .map(({ name, resourceVersion }) => `${name}@${resourceVersion}`)
    .sort()
    .join(' ');
