/**
 * Every condition of a WhatsAppDeployment and every reason that it can have. Types, order, docs/conditions.md and the
 * phase in the status come from this table.
 */

interface Reason {
  /** What is the case. */
  readonly means: string;
  /** What a person does about it. Absent where the operator goes on by itself. */
  readonly fix?: string;
  /** The stack cannot come up before a person acts: its phase is Blocked. */
  readonly blocks?: true;
}

interface ConditionEntry {
  /** What True says. */
  readonly means: string;
  /** Who reports it: one of the two controllers, or the summary of what both of them report. */
  readonly reportedBy: 'workloads' | 'application' | 'summary';
  readonly reasons: Readonly<Record<string, Reason>>;
}

/** Reasons that every condition can have: an earlier condition, or an error on the way. */
export const commonReasons = {
  Waiting: { means: 'The operator has not got this far: an earlier condition is not True yet.' },
  Unknown: { means: 'Nobody can say at the moment. The message names who was asked.' },
  Error: { means: 'An error without a reason of its own. The message holds it; the operator tries again.' },
  KubernetesError: {
    means:
      'The Kubernetes API server refused a request. The message holds its answer; the operator tries again.',
  },
  Forbidden: {
    means: 'The operator lacks a right.',
    fix: 'Grant what the message names: upgrade the Helm release, or apply deploy/install.yaml of this version.',
  },
  Invalid: {
    means: 'The Kubernetes API server refused an object as invalid.',
    fix: 'Correct the field of spec that the message names.',
    blocks: true,
  },
  Conflict: { means: 'Somebody else wrote the same object at the same time. The operator tries again.' },
  NoAnswer: { means: 'The Kubernetes API server or the stack did not answer. The operator tries again.' },
  ApiRefused: {
    means: 'The API of the stack refused a call. The message holds its answer; the operator tries again.',
  },
  Contested: {
    means: 'Another controller keeps reverting a field of an object that the operator owns.',
    fix: 'Find it with `kubectl get KIND NAME -o yaml --show-managed-fields`, and stop one of the two.',
  },
  NotControlled: {
    means: 'An object with the name of a child exists and is not part of this stack.',
    fix: 'Rename or delete that object, or give the WhatsAppDeployment another name.',
  },
  KindMissing: {
    means: 'The cluster does not serve a kind that a field of spec needs.',
    fix: 'Install the CustomResourceDefinition that the message names, or remove the field.',
  },
  SecretMissing: {
    means: 'A Secret that spec refers to does not exist or lacks a key.',
    fix: 'Create the Secret with the key that the message names.',
    blocks: true,
  },
  PasswordRefused: {
    means: 'The stack does not accept the password in a Secret.',
    fix: 'Put another password into the key that the message names.',
    blocks: true,
  },
  PinRefused: {
    means: 'The two-step PIN in a Secret is not six digits.',
    fix: 'Put a PIN of six digits into the key that the message names.',
  },
  CredentialsUnknown: {
    means: 'No password that the operator knows opens the API.',
    fix: 'Put the password of the user admin into the Secret that the message names.',
  },
  JournalUnreadable: {
    means: 'The journal Secret of the stack holds data that this version of the operator cannot read.',
    fix: 'Restore the Secret from a backup, or run the operator version that wrote it.',
  },
  BadSchedule: {
    means: 'A cron schedule cannot be parsed.',
    fix: 'Correct spec.messageRetention.schedule or spec.media.garbageCollection.schedule.',
  },
  BadCertificate: {
    means: 'A certificate, its key or its chain cannot be used.',
    fix: 'Replace the Secret that the message names.',
  },
  WrongCertificate: {
    means: 'A Webapp presents a certificate that the operator does not expect.',
    fix: 'Usually none: Webapps restart. If it stays, look for a proxy in front of the Webapps.',
  },
} as const satisfies Record<string, Reason>;

/** In the order in which they come about; within a controller, the order in which its steps run. */
export const conditions = {
  SpecValid: {
    means: 'The operator acts on every field of spec, and no other resource has the number.',
    reportedBy: 'workloads',
    reasons: {
      Valid: { means: 'The operator acts on every field.' },
      NumberInUse: {
        means: 'Another WhatsAppDeployment has the same number.',
        fix: 'Delete one of the two, or give one of them another number.',
        blocks: true,
      },
      NotImplemented: {
        means: 'spec has fields that this version of the operator does not act on.',
        fix: 'Remove the fields that the message names.',
        blocks: true,
      },
      NamespaceNotEnabled: {
        means: 'The operator may not work in this namespace.',
        fix: 'Run the command in the message, usually `kubectl waba namespace enable NAMESPACE`.',
      },
    },
  },
  DatabaseReady: {
    means: 'The database answers.',
    reportedBy: 'workloads',
    reasons: {
      Ready: { means: 'The managed database is ready.' },
      Reachable: { means: 'The external database accepted the schema.' },
      Creating: { means: 'The operator creates the Secrets of the stack.' },
      Starting: { means: 'The pod of the managed database is not ready yet.' },
      Connecting: {
        means: 'The external database has not accepted the schema yet.',
        fix: 'If it lasts: check host, port, TLS and credentials; the log of the schema Job holds the error.',
      },
      SecretLost: {
        means:
          'A Secret that the operator generated for this stack is gone. The operator does not replace it.',
        fix: 'Restore the Secret that the message names from a backup.',
        blocks: true,
      },
    },
  },
  SchemaReady: {
    means: 'The tables of this client version exist.',
    reportedBy: 'workloads',
    reasons: {
      Upgraded: { means: 'The schema is up to date.' },
      Upgrading: { means: 'The schema Job runs.' },
      JobFailed: {
        means: 'The schema Job failed.',
        fix: 'Read the log of its pod, correct the cause, and delete the Job; the operator creates it again.',
        blocks: true,
      },
    },
  },
  WorkloadsReady: {
    means: 'All pods of Webapps, Masters and Coreapps are ready.',
    reportedBy: 'workloads',
    reasons: {
      Ready: { means: 'All pods are ready.' },
      PodsNotReady: {
        means:
          'Some pods are not ready. The message counts them and holds what Kubernetes says of the first one.',
        fix: 'If it lasts: `kubectl describe pod` of that pod.',
      },
      SwitchingTopology: {
        means: 'The stack changes between Single and HighAvailability: all Masters and Coreapps stop first.',
      },
      NumberInUse: { means: 'No Master or Coreapp runs while another resource has the number.' },
    },
  },
  ApiReachable: {
    means: 'The API of the stack answers, and the operator is logged in.',
    reportedBy: 'application',
    reasons: {
      Reachable: { means: 'The API answers.' },
      NoWebapp: { means: 'No Webapp is ready yet.' },
    },
  },
  BuildCurrent: {
    means: 'The build of the client works for at least another week.',
    reportedBy: 'application',
    reasons: {
      Current: { means: 'The build works.' },
      ExpiresIn30Days: { means: 'The build expires within 30 days.', fix: 'Upgrade spec.version.' },
      ExpiresIn14Days: { means: 'The build expires within 14 days.', fix: 'Upgrade spec.version.' },
      ExpiresIn7Days: { means: 'The build expires within 7 days.', fix: 'Upgrade spec.version now.' },
      Expired: { means: 'The build expired: it sends nothing.', fix: 'Upgrade spec.version now.' },
    },
  },
  CertificatesReady: {
    means: 'The Webapps serve the certificate that spec.tls asks for.',
    reportedBy: 'application',
    reasons: {
      Generated: { means: 'The Webapps serve the certificate that the stack generated.' },
      Uploaded: { means: 'The Webapps serve the certificate that the operator uploaded.' },
      RestartingWebapps: { means: 'Webapps restart to serve a new certificate.' },
      Expiring: { means: 'The certificate expires within two weeks.', fix: 'Renew it in its Secret.' },
      Expired: { means: 'The certificate expired.', fix: 'Replace it in its Secret.' },
    },
  },
  SettingsSynced: {
    means: 'Settings, users, profile, media providers and two-step PIN of the stack are as declared.',
    reportedBy: 'application',
    reasons: {
      Synced: { means: 'Everything that spec declares is in place.' },
      Drifted: {
        means: 'Somebody changed the stack by hand, and spec.driftPolicy is Report.',
        fix: 'Change spec to match, or set spec.driftPolicy to Repair.',
      },
      RestartingCoreapps: { means: 'Coreapps restart to apply a setting.' },
    },
  },
  WebhookReady: {
    means: 'The webhook receiver answers with 200.',
    reportedBy: 'application',
    reasons: {
      NotConfigured: { means: 'spec.webhook is not set.' },
      Answers: { means: 'The receiver answers with 200.' },
      RestartingCoreapps: { means: 'Coreapps restart to trust a new webhook CA.' },
      DnsFailed: {
        means: 'The host name of the receiver has no address.',
        fix: 'Correct spec.webhook.url or the DNS of the cluster.',
      },
      ConnectFailed: {
        means: 'The receiver accepts no connection.',
        fix: 'Start the receiver, or open the way to it for pods of this namespace.',
      },
      TlsFailed: {
        means: 'The certificate of the receiver is not trusted.',
        fix: 'Name its CA in spec.webhook.caSecretRef, or replace the certificate.',
      },
      StatusFailed: {
        means: 'The receiver answers late, or with another status than 200.',
        fix: 'Make the receiver answer every callback with 200 within five seconds.',
      },
    },
  },
  Registered: {
    means: 'The number is registered by this stack.',
    reportedBy: 'application',
    reasons: {
      Registered: { means: 'The number is registered.' },
      CertificateMissing: {
        means: 'There is no verified-name certificate to register with.',
        fix: 'Put it into the Secret key that the message names.',
      },
      WaitingForCode: {
        means: 'A registration code was requested.',
        fix: 'Put the code into the Secret key that the message names, or run `kubectl waba verify`.',
      },
      CodeRefused: {
        means: 'The code is wrong.',
        fix: 'Correct it in its Secret, or raise spec.registration.attempt to request another code.',
      },
      Refused: {
        means: 'The request for a code was refused.',
        fix: 'Correct what the message names, then raise spec.registration.attempt.',
      },
      RetryLater: { means: 'The next code can be requested later; the message says when.' },
      Retrying: { means: 'The request for a code never arrived; the operator sends it again.' },
      OutcomeUnknown: {
        means:
          'A call was sent and not answered. The operator does not repeat it, because codes are limited.',
        fix: 'If a code arrived, put it into its Secret; otherwise raise spec.registration.attempt.',
      },
      RegistrationLost: {
        means: 'The stack says that it is not registered, though it was.',
        fix: 'If the number belongs here, raise spec.registration.attempt.',
      },
    },
  },
  ShardsServed: {
    means: 'The number has as many shards as declared, and each has a connected Coreapp.',
    reportedBy: 'application',
    reasons: {
      Served: { means: 'Each shard has a connected Coreapp.' },
      NotServed: { means: 'Some shards have no connected Coreapp.' },
      NotRegistered: { means: 'The number is not registered yet.' },
      Resharding: { means: 'The number of shards changes.' },
      ReshardingRefused: {
        means: 'The stack refused another number of shards; the operator tries again in a minute.',
      },
      WaitingForCoreapps: { means: 'There are not enough Coreapps yet for the new number of shards.' },
      RetryLater: { means: 'The stack asks to try again later.' },
      CertificateMissing: {
        means: 'There is no verified-name certificate to change the number of shards with.',
        fix: 'Put it into the Secret key that the message names.',
      },
      CertificateExpired: {
        means: 'The verified-name certificate expired; using it can get the account banned.',
        fix: 'Put a new one into the Secret key that the message names.',
      },
      PinUnknown: {
        means: 'Two-step verification is on and the operator does not know the PIN.',
        fix: 'Name the PIN in spec.twoStep.pinSecretRef.',
      },
      RegistrationTooOld: {
        means: 'The number was registered too long ago: a change of shards would disconnect it.',
        fix: 'Raise spec.registration.attempt, or set spec.multiconnect.allowReRegistration.',
      },
    },
  },
  BackupCurrent: {
    means: 'The last scheduled backup succeeded.',
    reportedBy: 'summary',
    reasons: { NotConfigured: { means: 'spec.backup is not set.' } },
  },
  Progressing: {
    means: 'The operator still works on this generation.',
    reportedBy: 'summary',
    reasons: { Settled: { means: 'Nothing is under way.' } },
  },
  Paused: {
    means: 'The operator changes nothing.',
    reportedBy: 'summary',
    reasons: {
      Paused: {
        means: 'spec.paused is true.',
        fix: 'Set spec.paused to false, or run `kubectl waba resume`.',
      },
      Active: { means: 'The operator acts on this resource.' },
    },
  },
  Ready: {
    means:
      'The stack runs, is registered and configured: every condition above it is True for this generation.',
    reportedBy: 'summary',
    reasons: {
      Ready: { means: 'The stack is ready.' },
      Progressing: { means: 'The operator has not looked at this generation yet.' },
      Paused: { means: 'spec.paused is true.' },
    },
  },
} as const satisfies Record<string, ConditionEntry>;

type Conditions = typeof conditions;
export type ConditionType = keyof Conditions;
type ReportedBy<R> = {
  [T in ConditionType]: Conditions[T]['reportedBy'] extends R ? T : never;
}[ConditionType];
/** Conditions that the workloads controller reports, step by step. */
export type WorkloadsCondition = ReportedBy<'workloads'>;
/** Conditions that the application controller reports, step by step. */
export type ApplicationCondition = ReportedBy<'application'>;
/** Conditions that follow from the others. */
export type SummaryCondition = ReportedBy<'summary'>;

export type CommonReason = keyof typeof commonReasons;
type OwnReason<T extends ConditionType> = T extends ConditionType
  ? keyof Conditions[T]['reasons'] & string
  : never;
/** What a condition can have as its reason. These two repeat the reason of the condition that they sum up. */
export type ReasonOf<T extends ConditionType> =
  | CommonReason
  | OwnReason<T extends 'Ready' | 'Progressing' ? ConditionType : T>;

export const CONDITION_TYPES = Object.keys(conditions) as readonly ConditionType[];

const reportedBy = <R extends ConditionEntry['reportedBy']>(reporter: R): readonly ReportedBy<R>[] =>
  CONDITION_TYPES.filter((type): type is ReportedBy<R> => conditions[type].reportedBy === reporter);
export const WORKLOADS_CONDITIONS = reportedBy('workloads');
export const APPLICATION_CONDITIONS = reportedBy('application');

/** The reasons of a condition of its own, by name. */
export const ownReasons = (type: ConditionType): Readonly<Record<string, Reason>> => conditions[type].reasons;

/** Reasons for which a person must act before the stack comes up. */
export const BLOCKING_REASONS: ReadonlySet<string> = new Set(
  [commonReasons, ...CONDITION_TYPES.map(ownReasons)].flatMap((reasons: Readonly<Record<string, Reason>>) =>
    Object.entries(reasons).flatMap(([name, { blocks }]) => (blocks ? [name] : [])),
  ),
);
