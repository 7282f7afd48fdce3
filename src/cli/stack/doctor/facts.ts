import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import type { LeaseObject } from '../../../engine/kube/leaderElection.ts';
import type { NodeHealth } from '../../../onprem/health.ts';
import type { WhatsAppDeployment } from '../../../operator/resource/whatsAppDeployment.ts';
import type { ContainerStatus, PodObject } from '../../../operator/state/podObject.ts';
import type { Known } from './check.ts';

/** The facts that the checks judge. None of them holds the content of a Secret. */

export type DeploymentObject = KubeObject & {
  readonly spec: {
    readonly replicas?: number;
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
    readonly template: {
      readonly spec: {
        readonly serviceAccountName?: string;
        readonly containers?: readonly { readonly args?: readonly string[] }[];
      };
    };
  };
  readonly status?: { readonly readyReplicas?: number };
};

export type NodeObject = KubeObject & {
  readonly spec?: { readonly unschedulable?: boolean };
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly message?: string;
    }[];
  };
};

export type QuotaObject = KubeObject & {
  readonly status?: {
    readonly hard?: Readonly<Record<string, string>>;
    readonly used?: Readonly<Record<string, string>>;
  };
};

interface ContainerSpec {
  readonly name: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string }[];
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

/** A pod with the parts that the doctor reads besides those of the operator. */
export type StackPod = PodObject & {
  readonly spec: {
    readonly nodeName?: string;
    readonly containers: readonly ContainerSpec[];
    readonly volumes?: readonly {
      readonly name: string;
      readonly persistentVolumeClaim?: { readonly claimName: string };
    }[];
  };
};

/** The last end of a container, with its time. */
export type EndedContainer = ContainerStatus & {
  readonly lastState?: { readonly terminated?: { readonly finishedAt?: string } };
};

export type ServiceObject = KubeObject & {
  readonly spec: {
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports?: readonly { readonly port: number; readonly targetPort?: number | string }[];
  };
};

export type ClaimObject = KubeObject & {
  readonly spec?: {
    readonly storageClassName?: string;
    readonly resources?: { readonly requests?: { readonly storage?: string } };
  };
  readonly status?: { readonly phase?: string; readonly capacity?: { readonly storage?: string } };
};

/** How much two clocks differ. Positive: the clock is ahead of that of the API server. */
export interface ClockReading {
  readonly whose: string;
  readonly aheadMs: number;
  /** How far the reading may be wrong. */
  readonly errorMs: number;
}

/** A right that the operator needs, and whether it has it. */
export interface Right {
  readonly verb: string;
  /** `pods.apps`, as kubectl writes it; `pods/log` with a subresource. */
  readonly resource: string;
  readonly allowed: boolean;
}

/** Facts of the cluster. */
export interface ClusterValues {
  readonly serverVersion: { readonly major: number; readonly minor: number; readonly text: string };
  /** Paths of the fields that the API server serves of a WhatsAppDeployment; undefined without the kind. */
  readonly servedFields: readonly string[] | undefined;
  readonly nodes: readonly NodeObject[];
  /** The clocks of the nodes. */
  readonly nodeClocks: readonly ClockReading[];
  /** The clock of this machine. */
  readonly ownClock: ClockReading;
  readonly dnsPods: readonly PodObject[];
}

/** Facts of one operator. */
export interface OperatorValues {
  /** Version of this program. */
  readonly ownVersion: string;
  readonly operator: DeploymentObject;
  readonly operatorPods: readonly PodObject[];
  /** The Lease of the leader; undefined if there is none. */
  readonly lease: LeaseObject | undefined;
}

/** Who looks after a namespace. */
export interface Responsibility {
  /** The operator whose state matters to the stacks of the namespace; undefined if none watches it, or none is known. */
  readonly operator: DeploymentObject | undefined;
  /** All operators that are set up to watch the namespace. */
  readonly watching: readonly DeploymentObject[];
  /** Those that watch only other namespaces, with what they watch. */
  readonly elsewhere: readonly { readonly key: string; readonly namespaces: readonly string[] }[];
  /** The installation that works in the namespace now, as `namespace/name`; undefined if none does. */
  readonly holder: string | undefined;
}

/** Facts of a namespace with stacks. */
export interface NamespaceValues {
  readonly responsible: Responsibility;
  /** Of the operator that looks after the namespace. */
  readonly rights: readonly Right[];
  readonly quotas: readonly QuotaObject[];
}

/** A certificate, and when the first one of its chain expires. */
export interface SeenCertificate {
  /** Where it was seen, such as `Secret shop-tls, key tls.crt`. */
  readonly where: string;
  readonly subject: string;
  /** Epoch ms. */
  readonly notAfter: number;
  /** The operator replaces it in time. */
  readonly isRenewed: boolean;
}

/** What a Webapp showed when this machine connected to it. */
export interface SeenFront {
  readonly certificate: SeenCertificate;
  /** Why the certificate is not that of the stack; undefined if it is. */
  readonly untrusted: Known<string | undefined>;
  readonly clock: ClockReading | undefined;
}

/** What the webhook receiver showed when this machine connected to it. */
export interface SeenReceiver {
  readonly host: string;
  /** Why the connection failed. */
  readonly problem?: string;
  readonly untrusted?: string;
  /** Subjects from the certificate of the receiver upwards. */
  readonly chain: readonly string[];
  /** Epoch ms; of the certificate of the chain that expires first. */
  readonly notAfter?: number;
  readonly handshakeMs?: number;
}

export interface StackCounters {
  /** Callbacks that wait for the receiver. */
  readonly callbacks: number | undefined;
  readonly messages: number | undefined;
}

export interface VolumeUse {
  readonly claim: string;
  readonly usedBytes: number;
  readonly capacityBytes: number;
}

/** A host that the vendor's client must reach, and the ports that answered. */
export interface HostReach {
  readonly host: string;
  readonly open: readonly number[];
}

export interface Warning {
  /** Kind and name, such as `Pod/shop-webapp-0`. */
  readonly object: string;
  readonly reason: string;
  readonly message: string;
}

/** Facts of one stack. */
export interface StackValues {
  readonly resource: WhatsAppDeployment;
  /** When somebody last changed something other than the status, epoch ms. */
  readonly changedMs: number;
  readonly pods: readonly StackPod[];
  readonly services: readonly ServiceObject[];
  readonly claims: readonly ClaimObject[];
  /** Recent warnings of Kubernetes about objects of the stack, newest first. */
  readonly warnings: readonly Warning[];
  /** The characters of the database password that the client does not take. */
  readonly forbiddenCharacters: { readonly secretName: string; readonly characters: string };
  readonly certificates: readonly SeenCertificate[];
  readonly front: SeenFront;
  /** `GET /v1/health` by pod, or '' for a node without a name. */
  readonly health: Readonly<Record<string, NodeHealth>>;
  readonly counters: StackCounters;
  readonly receiver: SeenReceiver | undefined;
  readonly volumes: readonly VolumeUse[];
  /** Connections to the managed database; undefined for a database that the operator does not run. */
  readonly connections: { readonly used: number; readonly most: number } | undefined;
  /** Undefined for an emulator, which connects to no host of WhatsApp. */
  readonly hosts: readonly HostReach[] | undefined;
}
