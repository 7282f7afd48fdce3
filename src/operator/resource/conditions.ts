/**
 * Every condition of a WhatsAppDeployment and every reason that it can have. Types, order, docs/conditions.md and the
 * phase in the status come from this table.
 */

export interface Reason {
  /** What the reason says. */
  readonly means: string;
  /** What a person does about it. Absent if the operator needs no help. */
  readonly fix?: string;
  /** Waiting does not mend it: the phase is Blocked until a person acts. */
  readonly blocks?: true;
}

interface ConditionEntry {
  /** What True says. */
  readonly means: string;
  /** Which of the two controllers reports it; `summary` if it is computed from the conditions that they report. */
  readonly reportedBy: 'workloads' | 'application' | 'summary';
  /** Ready does not depend on it. Of those that `summary` reports, it never does. */
  readonly isInformation?: true;
  readonly reasons: Readonly<Record<string, Reason>>;
}

/** Reasons for which nothing happens until the user, or a time that the user set, lets it. All works meanwhile. */
export const USER_HOLDS = ['WaitingForApproval', 'WaitingForWindow', 'WaitingForDeletion'] as const;
export type UserHoldReason = (typeof USER_HOLDS)[number];

/** Reasons that every condition can have: an earlier condition is not True, or the step failed with an error. */
export const commonReasons = {
  Waiting: { means: 'The operator has not got this far: an earlier condition is not True yet.' },
  Unknown: { means: 'The stack does not report this at the moment. The message says what is missing.' },
  Hibernating: {
    means:
      '`spec.hibernated` is true, and the pods of the stack are stopping. The message says which are left.',
  },
  Hibernated: {
    means: '`spec.hibernated` is true: all pods of the stack are stopped.',
    fix: 'To start it again, run `kubectl waba hibernate NAME --wake`, or set `spec.hibernated` to false.',
  },
  Error: {
    means:
      'The step failed with an error that has no reason of its own. The message holds it; the operator tries again.',
  },
  KubernetesError: {
    means:
      'The Kubernetes API server refused a request. The message holds its answer; the operator tries again.',
  },
  Forbidden: {
    means: 'The operator lacks a permission.',
    fix: 'Grant the permission that the message names: run `helm upgrade` for the release, or `kubectl apply -f deploy/install.yaml` of this version.',
    blocks: true,
  },
  Invalid: {
    means: 'The Kubernetes API server rejected an object as invalid.',
    fix: 'Correct the field of spec that the message names.',
    blocks: true,
  },
  QuotaExceeded: {
    means: 'A ResourceQuota of the namespace refuses an object that the stack needs.',
    fix: 'Raise the quota that the message names, or lower `resources` in spec; `kubectl describe quota` shows what is used.',
    blocks: true,
  },
  AdmissionDenied: {
    means:
      'A policy of the cluster refuses an object that the stack needs: an admission webhook, Pod Security, a LimitRange or a missing PriorityClass.',
    fix: 'Correct the field of spec that the message names, or the policy.',
    blocks: true,
  },
  NamespaceTerminating: { means: 'The namespace is being deleted, so nothing can be created in it.' },
  FailedCreate: {
    means: 'Kubernetes cannot create a pod of the stack. The message holds its answer.',
    fix: 'Correct what the message names; `kubectl describe` of the object shows more.',
    blocks: true,
  },
  ClaimUnbound: {
    means: 'A PersistentVolumeClaim has no volume.',
    fix: 'Create the StorageClass that the message names, or a PersistentVolume that fits; `kubectl describe pvc NAME` shows more.',
    blocks: true,
  },
  VolumeNotGrowing: {
    means: 'Kubernetes refuses to let a volume grow. The stack runs on with the size that it has.',
    fix: 'Set the size in spec back, or let the StorageClass expand volumes: the message has the field, the size and the command.',
    blocks: true,
  },
  Unschedulable: {
    means: 'No node takes a pod. The message holds the answer of the scheduler.',
    fix: 'Add a node or free resources, or correct `resources`, `nodeSelector`, `affinity` or `tolerations` in spec.',
    blocks: true,
  },
  ImagePullFailed: {
    means: 'A node cannot pull the image of a container.',
    fix: 'Correct the image in `spec.images`, or its credentials in `spec.imagePullSecrets`.',
    blocks: true,
  },
  CreateContainerConfigError: {
    means: 'A container needs a Secret, a ConfigMap or a key that does not exist.',
    fix: 'Create the object with the key that the message names.',
    blocks: true,
  },
  CreateContainerError: {
    means: 'The node cannot start a container. The message holds its answer.',
    fix: 'Run `kubectl describe pod POD`; usually the image does not fit the node or has no such command.',
    blocks: true,
  },
  VolumeNotMounted: {
    means: 'The node cannot mount a volume of a pod.',
    fix: 'Create the Secret, ConfigMap or volume that the message names; `kubectl describe pod POD` shows more.',
    blocks: true,
  },
  CrashLoopBackOff: {
    means: 'A container ends again and again. The message holds its exit code and its last line.',
    fix: 'Read `kubectl logs POD --previous`, and correct the cause.',
    blocks: true,
  },
  OOMKilled: {
    means: 'A container used more memory than its limit.',
    fix: 'Raise `resources.limits.memory` of the role in spec.',
    blocks: true,
  },
  Evicted: {
    means: 'A node evicted a pod. Kubernetes makes another one.',
    fix: 'If it happens again, free memory or disk on the node that the message names, or raise `resources.requests`.',
  },
  DatabaseHostUnknown: {
    means: 'The host name of the database has no address.',
    fix: 'Correct `spec.database.external.host` or the DNS of the cluster.',
    blocks: true,
  },
  DatabaseConnectionRefused: {
    means: 'Nothing accepts connections at host and port of the database. The operator goes on trying.',
    fix: 'Start the database, or correct `spec.database.external.host` and `port`.',
  },
  DatabaseNoAnswer: {
    means: 'The database does not answer. The operator goes on trying.',
    fix: 'Look for a firewall or a NetworkPolicy between the namespace and the database.',
  },
  DatabaseOtherEngine: {
    means:
      'Another kind of server listens at host and port of the database: PostgreSQL instead of MySQL, or the reverse.',
    fix: 'Correct `engine`, `host` and `port` in `spec.database.external`.',
    blocks: true,
  },
  DatabaseConnectionsFew: {
    means:
      'The database has too few free connections for all pods of the stack. The operator goes on trying.',
    fix: 'Raise `max_connections` of the server or the limit of the user, or lower the number of Coreapps, Masters or Webapps.',
    blocks: true,
  },
  DatabaseTlsFailed: {
    means: 'The encryption between the stack and the database fails.',
    fix: 'Correct `tls` in `spec.database`, or the certificate of the server.',
    blocks: true,
  },
  DatabaseLoginRefused: {
    means: 'The database refuses the user or its password.',
    fix: 'Correct user and password in the Secret that the message names.',
    blocks: true,
  },
  DatabaseRightsMissing: {
    means: 'The user of the database lacks a right.',
    fix: 'Grant the user the right to create databases and to own their tables.',
    blocks: true,
  },
  Conflict: { means: 'Another client changed the same object at the same time. The operator tries again.' },
  NoAnswer: { means: 'The Kubernetes API server or the stack did not answer. The operator tries again.' },
  ApiRefused: {
    means:
      'The API of the stack refused a call. The message holds its answer, and when the operator tries again: after 5 seconds, then ever later, up to 10 minutes.',
    fix: 'If the answer concerns a value, correct the field of spec or the Secret; the operator then tries again at once.',
  },
  Contested: {
    means: 'Another controller keeps reverting a field of an object that the operator owns.',
    fix: 'Find the other controller with `kubectl get KIND NAME -o yaml --show-managed-fields`, and stop it from writing the field.',
    blocks: true,
  },
  NotControlled: {
    means: 'An object that the operator must create exists already and is not part of this stack.',
    fix: 'Create the WhatsAppDeployment under another name, or the object that the message names.',
    blocks: true,
  },
  KindMissing: {
    means: 'The cluster does not serve a kind that a field of spec needs.',
    fix: 'Install the CustomResourceDefinition that the message names, or remove the field that needs it (`spec.monitoring.podMonitor`, `spec.tls.issuerRef`, `spec.exposure`, `spec.database.cloudNativePG`, `mysqlOperator` or `mariadbOperator`).',
    blocks: true,
  },
  SecretMissing: {
    means: 'A Secret that the stack needs does not exist or lacks a key.',
    fix: 'Create the Secret with the key that the message names.',
    blocks: true,
  },
  SecretRefused: {
    means: 'A value in a Secret has a form that the stack does not take, so the operator did not send it.',
    fix: 'Write the value into the Secret key that the message names, in the form that it asks for.',
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
    blocks: true,
  },
  CredentialsUnknown: {
    means: 'The stack accepts none of the passwords of admin that the operator knows.',
    fix: 'Put the password of the user admin into the Secret key that the message names.',
    blocks: true,
  },
  JournalUnreadable: {
    means: 'The journal Secret of the stack holds data that this version of the operator cannot read.',
    fix: 'Restore the Secret that the message names from a backup, or run the operator version that wrote it.',
    blocks: true,
  },
  BadSchedule: {
    means: 'A schedule in spec is not a cron expression.',
    fix: 'Correct the field that the message names: `spec.upgrade.window`, `spec.messageRetention.schedule` or `spec.media.garbageCollection.schedule`.',
  },
  DataOfAnotherNumber: {
    means:
      'The data and Secrets that were kept under this name belong to another number. The operator runs no Master or Coreapp and calls no API.',
    fix: 'Set `spec.phoneNumber` to the number in the message, or create a WhatsAppDeployment with another name.',
    blocks: true,
  },
  BadCertificate: {
    means: 'The certificate, key or chain in a Secret is not usable.',
    fix: 'Correct `tls.crt` and `tls.key` in the Secret that the message names.',
    blocks: true,
  },
  WrongCertificate: {
    means: 'A Webapp presents a certificate that the operator does not expect.',
    fix: 'Usually none: it clears once all Webapps have restarted. If it stays, look for a proxy in front of the Webapps.',
  },
} as const satisfies Record<string, Reason>;

/** In the order in which they become True; within a controller, the order in which its steps run. */
export const conditions = {
  SpecValid: {
    means: 'The operator acts on every field of spec, and no other resource has the same number.',
    reportedBy: 'workloads',
    reasons: {
      Valid: { means: 'The operator acts on every field.' },
      NumberInUse: {
        means:
          'Another WhatsAppDeployment runs or is registered with the same number, or is older, or pods of a deleted one still run with it.',
        fix: 'Delete one of the two, or change `spec.phoneNumber` of this one. If pods of a deleted one are left, it starts when they are gone.',
        blocks: true,
      },
      NotImplemented: {
        means: 'spec has fields that this version of the operator does not act on.',
        fix: 'Remove the fields that the message names.',
        blocks: true,
      },
      DowngradeRefused: {
        means:
          'The database has the schema of a newer client version than the declared one, and a schema cannot go back.',
        fix: 'Set `spec.version` to the version in the message or later.',
        blocks: true,
      },
      PodNotAllowed: {
        means:
          'A `podTemplate` gives pods more than whoever may create the resource may have, or is too large. The operator changes nothing of the stack.',
        fix: 'Remove the fields that the message names. If everybody who may create the resource may also create any pod, install the operator with `podSecurity: Unrestricted`.',
        blocks: true,
      },
      NamespaceNotEnabled: {
        means: 'The operator lacks permissions in this namespace, so it changes nothing there.',
        fix: 'Run the command in the message, usually `kubectl waba namespace enable NAMESPACE`.',
        blocks: true,
      },
    },
  },
  DatabaseReady: {
    means: 'The database answers.',
    reportedBy: 'workloads',
    reasons: {
      Ready: { means: 'The managed database is ready.' },
      Reachable: { means: 'The external database, or the database cluster, accepted the schema.' },
      Creating: { means: 'The operator is creating the Secrets of the stack.' },
      Starting: { means: 'The pod of the managed database is not ready yet.' },
      Connecting: {
        means: 'The external database has not passed its check yet, or not accepted the schema.',
        fix: 'If it lasts, check host, port, TLS and credentials in `spec.database.external`; the logs of the Jobs `NAME-database-check` and `NAME-schema` hold the error.',
      },
      ClusterNotAllowed: {
        means:
          'The installation does not let the operator look at the kind of database cluster that `spec.database` names.',
        fix: 'Set the value `databaseOperators` of the Helm chart that the message names to true.',
        blocks: true,
      },
      ClusterMissing: {
        means: 'The database cluster that `spec.database` names does not exist.',
        fix: 'Create it, or correct `name`.',
        blocks: true,
      },
      ClusterUnfit: {
        means: 'The database cluster has no TLS that the stack could verify.',
        fix: 'Change the cluster as the message says, or use `spec.database.external`.',
        blocks: true,
      },
      ClusterNotServing: {
        means:
          'The database cluster takes no writes: its operator is making it, it fails over, or it is broken. The message holds its state in the words of its operator. No pod of the stack starts or restarts meanwhile.',
        fix: 'If it lasts, look at the cluster with the command in the message.',
      },
      PrefixInUse: {
        means:
          'Another WhatsAppDeployment has its databases on the same server with the same prefix. The operator makes no schema there.',
        fix: 'Set `spec.database.external.name` of one of the two to another prefix.',
        blocks: true,
      },
      PasswordEdited: {
        means:
          'Somebody edited the credentials in the Secret of the managed database, which has those from before. Nothing of the stack changes until they agree.',
        fix: 'Put the previous ones back, or set the new ones in the database and confirm it: the message has the commands.',
        blocks: true,
      },
      EngineChanged: {
        means:
          'The volume of the managed database holds the data of another engine than `spec.database.managed.engine`. The operator starts no server beside it.',
        fix: 'Create the WhatsAppDeployment under another name. Or, with `deletionPolicy: Retain`, delete it and create it again with the engine in the message.',
        blocks: true,
      },
      Restoring: {
        means:
          'The operator reads the backup that `spec.registration.restoreFrom` names, and makes nothing of the stack before its Secrets are there.',
      },
      RestoreRefused: {
        means:
          'The backup that `spec.registration.restoreFrom` names cannot be read, or does not fit spec or what is there. The operator has made nothing of the stack.',
        fix: 'Correct the field or the object that the message names. If the Job failed, delete it to try again: the message has the command.',
        blocks: true,
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
    means: 'The database has the schema of this client version.',
    reportedBy: 'workloads',
    reasons: {
      Upgraded: {
        means:
          'The schema is up to date. The message also tells of the media of a backup that the stack began with: they come back while it runs.',
      },
      Upgrading: { means: 'The schema Job has not finished yet.' },
      WaitingForApproval: {
        means:
          'The declared version needs another schema. `spec.upgrade.mode` is Manual, and this generation is not approved.',
        fix: 'Run the command in the message, which approves this generation.',
      },
      WaitingForWindow: {
        means:
          'The declared version needs another schema. The Job runs once the maintenance window opens (`spec.upgrade.window`).',
      },
      Stopping: { means: 'All Webapps, Masters and Coreapps stop before the schema is upgraded.' },
      Restoring: { means: 'A Job restores the databases of the backup that the stack begins with.' },
      RestoreFailed: {
        means:
          'The databases of the backup could not be restored. The message holds the cause. No node starts before they are.',
        fix: 'Correct the cause, and delete the Job to try again: the message has the command.',
        blocks: true,
      },
      JobFailed: {
        means: 'The schema Job failed.',
        fix: 'Read the log with `kubectl logs job/NAME`, correct the cause, and run `kubectl delete job NAME`; the operator creates the Job again.',
        blocks: true,
      },
    },
  },
  WorkloadsReady: {
    means: 'All pods of Webapps, Masters and Coreapps are ready and run their current template.',
    reportedBy: 'workloads',
    reasons: {
      Ready: { means: 'All pods are ready.' },
      PodsNotReady: {
        means:
          'Some pods are not ready. The message counts them, and names the first pod for which Kubernetes reports a problem.',
        fix: 'If it lasts, run `kubectl describe pod POD` for that pod.',
      },
      RollingOut: {
        means:
          'Pods restart one at a time to take a new template. The message and `status.rollout` say how far the rollout is and what it waits for.',
      },
      WaitingForApproval: {
        means: 'All pods are ready. `spec.upgrade.mode` is Manual, and this generation is not approved.',
        fix: 'Run the command in the message, which approves this generation.',
      },
      WaitingForWindow: {
        means: 'All pods are ready. They restart once the maintenance window opens (`spec.upgrade.window`).',
      },
      WaitingForDeletion: {
        means:
          'All pods are ready. `spec.upgrade.mode` is OnDelete: each takes its new template when somebody deletes it.',
        fix: 'Delete the pod that the message names when its restart suits you, or set `spec.upgrade.mode` to Automatic.',
      },
      SwitchingTopology: {
        means:
          'The stack is changing between Single and HighAvailability: all Masters and Coreapps stop first.',
      },
      NumberInUse: {
        means:
          'The operator starts and changes no Master or Coreapp while another stack has the same number.',
      },
      LoadBalancerPending: {
        means:
          'All pods are ready, and the cluster has given the Service of the Webapps no external address yet.',
        fix: 'If it lasts, `kubectl describe service NAME-webapp` says why; a cluster without a load balancer needs `spec.service.type: NodePort` or `ClusterIP`.',
      },
      ClaimTerminating: {
        means:
          'Somebody deleted a PersistentVolumeClaim of the stack. It stays while pods use it, and a pod that restarts cannot start again.',
        fix: 'Keep its volume with the command in the message, and stop its pods at a time of your choice; the operator then makes a new claim.',
      },
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
  TokenValid: {
    means: 'The Cloud API accepts the access token of `spec.cloud`, or the stack has no Cloud API behind it.',
    reportedBy: 'application',
    reasons: {
      NoCloud: { means: '`spec.stack` is not Cloud.' },
      Valid: { means: 'The Cloud API accepted the token at the last call.' },
      TokenRefused: {
        means:
          'The Cloud API refuses the access token: it has expired, or somebody revoked it. Messages wait in the gateway, and none is lost.',
        fix: 'Put another token into the Secret key that the message names. The gateway takes it within two minutes, without a restart.',
        blocks: true,
      },
      PermissionMissing: {
        means: 'The access token lacks a permission that the gateway needs.',
        fix: 'Give its system user whatsapp_business_messaging and whatsapp_business_management, and make a token anew.',
        blocks: true,
      },
      WrongAccount: {
        means:
          'The access token sees no number or no account with the ids of `spec.cloud`, or the id is that of another number.',
        fix: 'Correct `spec.cloud.phoneNumberId` and `spec.cloud.businessAccountId`, or the token.',
        blocks: true,
      },
    },
  },
  BuildCurrent: {
    means:
      'The build of the client expires in more than a week; with stack Cloud, the version of the Graph API ends in more than a week.',
    reportedBy: 'application',
    reasons: {
      Current: {
        means: 'The build expires in more than 30 days, the version of the Graph API in more than 60.',
      },
      ExpiresIn60Days: {
        means: 'The version of the Graph API ends within 60 days.',
        fix: 'Set `spec.cloud.graphVersion` to a newer version.',
      },
      ExpiresIn30Days: {
        means: 'The build, or the version of the Graph API, expires within 30 days.',
        fix: 'Set `spec.version` or `spec.cloud.graphVersion` to a newer version.',
      },
      ExpiresIn14Days: {
        means: 'The build expires within 14 days.',
        fix: 'Set `spec.version` to a newer version.',
      },
      ExpiresIn7Days: {
        means: 'The build, or the version of the Graph API, expires within 7 days.',
        fix: 'Set `spec.version` or `spec.cloud.graphVersion` to a newer version now.',
      },
      Expired: {
        means:
          'The build expired and sends no messages; or the version of the Graph API ended, and the Cloud API serves calls as its oldest living version, whose behaviour may differ.',
        fix: 'Set `spec.version` or `spec.cloud.graphVersion` to a newer version now.',
      },
    },
  },
  VersionCurrent: {
    means: 'Every node runs the declared client version.',
    reportedBy: 'application',
    reasons: {
      Current: { means: 'Every node reports the version of `spec.version`.' },
      NotDeclared: { means: '`spec.version` is not set.' },
      Upgrading: { means: 'Some nodes report another version, and a rollout is under way.' },
      OtherVersion: {
        means: 'Some nodes report another version than `spec.version`, although nothing is rolling.',
        fix: 'Correct `spec.version` or `spec.images`, so that the images contain that version.',
        blocks: true,
      },
    },
  },
  CertificatesReady: {
    means: 'The Webapps serve the certificate that `spec.tls` declares.',
    reportedBy: 'application',
    reasons: {
      Generated: { means: 'The Webapps serve the certificate that the stack generated.' },
      Uploaded: { means: 'The Webapps serve the certificate that the operator uploaded.' },
      RestartingWebapps: { means: 'Webapps are restarting to serve a new certificate.' },
      Expiring: {
        means: 'The certificate expires within two weeks.',
        fix: 'Put a new certificate into the Secret of `spec.tls.secretRef`; with `spec.tls.issuerRef`, run `kubectl describe certificate NAME-tls`; without `spec.tls`, set `spec.tls.selfSigned` to `{}`.',
      },
      Expired: {
        means: 'The certificate expired.',
        fix: 'Put a new certificate into the Secret of `spec.tls.secretRef`; with `spec.tls.issuerRef`, run `kubectl describe certificate NAME-tls`; without `spec.tls`, set `spec.tls.selfSigned` to `{}`.',
      },
    },
  },
  SettingsSynced: {
    means: 'Settings, users, profile, media providers and two-step PIN of the stack match spec.',
    reportedBy: 'application',
    reasons: {
      Synced: { means: 'The stack matches spec.' },
      Drifted: {
        means:
          'A client of the API other than the operator changed the stack, and `spec.driftPolicy` is Report.',
        fix: 'Change spec to match, or set `spec.driftPolicy` to Repair.',
        blocks: true,
      },
      RestartingCoreapps: { means: 'Coreapps are restarting to apply a setting.' },
    },
  },
  WebhookReady: {
    means: 'The webhook receiver answers with 200.',
    reportedBy: 'application',
    reasons: {
      NotConfigured: { means: '`spec.webhook` is not set.' },
      Answers: { means: 'The receiver answers with 200.' },
      NotProbed: {
        means: 'The operator does not connect to the receiver, because its address is not public.',
        fix: 'Send a message and watch whether its callbacks arrive, or install the operator with `webhookProbes: All`.',
      },
      RestartingCoreapps: { means: 'Coreapps are restarting to trust a new webhook CA.' },
      DnsFailed: {
        means: 'The host name of the receiver has no address.',
        fix: 'Correct `spec.webhook.url` or the DNS of the cluster.',
      },
      ConnectFailed: {
        means: 'The receiver accepts no connection.',
        fix: "Start the receiver, or allow the operator's pod and the pods of this namespace to reach it.",
      },
      TlsFailed: {
        means: 'The stack does not trust the certificate of the receiver.',
        fix: 'Name its CA in `spec.webhook.caSecretRef`, or replace the certificate.',
      },
      StatusFailed: {
        means: 'The receiver answers too late, or with a status other than 200.',
        fix: 'Make the receiver answer every callback with 200 within five seconds.',
      },
    },
  },
  WebhookSubscribed: {
    means:
      'The Cloud API posts the webhooks of the number to the gateway, or the stack has no Cloud API behind it.',
    reportedBy: 'application',
    reasons: {
      NoCloud: { means: '`spec.stack` is not Cloud.' },
      Subscribed: { means: 'The Cloud API accepted the subscription, and the gateway renews it.' },
      ByHand: {
        means:
          '`spec.cloud.webhook` is not set: somebody subscribes by hand, and the operator does not know whether.',
      },
      Pending: { means: 'The gateway subscribes, and has no answer yet.' },
      SubscriptionFailed: {
        means:
          'The Cloud API refused the subscription, or did not get the verify token back from the URL. No status and no message of a person arrives.',
        fix: 'Make the URL in the message reachable from the Internet, with a public certificate; the gateway tries again by itself.',
      },
      Removed: {
        means: 'A call to the gateway removed the subscription.',
        fix: 'Delete the pod of the gateway: it subscribes when it starts.',
      },
    },
  },
  Registered: {
    means: 'The number is registered with this stack.',
    reportedBy: 'application',
    reasons: {
      Registered: { means: 'The number is registered.' },
      CertificateMissing: {
        means: 'The stack needs a verified-name certificate to register.',
        fix: 'Put the certificate into the Secret key that the message names.',
        blocks: true,
      },
      CodeRequested: {
        means: 'The operator requested a registration code, and tries the one in its Secret.',
      },
      WaitingForCode: {
        means: 'The operator requested a registration code.',
        fix: 'Put the code into the Secret key that the message names, or run `kubectl waba verify NAME --code CODE`.',
        blocks: true,
      },
      CodeRefused: {
        means: 'The stack refused the code.',
        fix: 'Correct the code in its Secret, or raise `spec.registration.attempt` to request another code.',
        blocks: true,
      },
      Refused: {
        means: 'The stack refused the request for a code.',
        fix: 'Correct what the message names, then raise `spec.registration.attempt`.',
        blocks: true,
      },
      RetryLater: {
        means:
          'A registration call failed for now. The operator repeats it at the time in the message, each time later; raising `spec.registration.attempt` requests a code at once.',
      },
      RestartingCoreapps: {
        means: 'Coreapps restart to apply a setting or a webhook CA; the number is registered afterwards.',
      },
      Retrying: { means: 'The request for a code did not reach the stack; the operator sends it again.' },
      OutcomeUnknown: {
        means:
          'The stack did not answer a registration call. The operator does not repeat it, because requests are limited.',
        fix: 'If a code arrived, put it into its Secret; otherwise raise `spec.registration.attempt`.',
        blocks: true,
      },
      NumberNotConnected: {
        means:
          'The Cloud API gives the number a status that a registration does not change, such as BANNED or MIGRATED.',
        fix: 'Look at the number in WhatsApp Manager.',
        blocks: true,
      },
      RegistrationLost: {
        means: 'The number was registered with this stack and no longer is.',
        fix: 'If the number belongs here, raise `spec.registration.attempt`.',
        blocks: true,
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
      Resharding: { means: 'The number of shards is changing.' },
      WaitingForApproval: {
        means:
          '`spec.upgrade.mode` is Manual, and this generation is not approved: the number of shards stays.',
        fix: 'Run the command in the message, which approves this generation.',
      },
      WaitingForWindow: {
        means: 'The number of shards changes once the maintenance window opens (`spec.upgrade.window`).',
      },
      WaitingForRollout: { means: 'The number of shards changes once no pod is restarting.' },
      ReshardingRefused: {
        means: 'The stack refused to change the number of shards; the operator tries again within a minute.',
      },
      WaitingForCoreapps: { means: 'Not enough Coreapps have joined yet for the new number of shards.' },
      RetryLater: {
        means:
          'The stack refused to change the number of shards for now; the operator tries again within a minute.',
      },
      CertificateMissing: {
        means: 'The stack needs a verified-name certificate to change the number of shards.',
        fix: 'Put the certificate into the Secret key that the message names.',
      },
      CertificateExpired: {
        means: 'The verified-name certificate expired; using it can get the account banned.',
        fix: 'Put a new certificate into the Secret key that the message names.',
        blocks: true,
      },
      PinUnknown: {
        means: 'Two-step verification is on and the operator does not know the PIN.',
        fix: 'Put the PIN into a Secret and name it in `spec.twoStep.pinSecretRef`.',
        blocks: true,
      },
      RegistrationTooOld: {
        means: 'The number was registered too long ago: changing the number of shards would disconnect it.',
        fix: 'Raise `spec.registration.attempt` to register again first, or set `spec.multiconnect.allowReRegistration` to true.',
        blocks: true,
      },
    },
  },
  NumberHealthy: {
    means:
      'The Cloud API limits neither the number nor its display name, or the stack has no Cloud API behind it. The message holds display name, quality, messaging limit and throughput. Ready does not depend on it.',
    reportedBy: 'application',
    isInformation: true,
    reasons: {
      NoCloud: { means: '`spec.stack` is not Cloud.' },
      Healthy: { means: 'The Cloud API reports nothing that a person must act on.' },
      NumberLimited: {
        means: 'The vendor limits the number (FLAGGED or RESTRICTED).',
        fix: 'Look at the number in WhatsApp Manager, which says why and until when.',
      },
      NameNotApproved: {
        means: 'The display name was declined or has expired.',
        fix: 'Correct it in WhatsApp Manager.',
      },
      QualityLow: {
        means: 'People block the number or report it. The vendor may limit it.',
        fix: 'Look at the number in WhatsApp Manager, and send fewer messages that people did not ask for.',
      },
    },
  },
  Exposed: {
    means:
      'The API, and the webhook port of a gateway, are reached from outside the cluster as `spec.exposure` and `spec.cloud.webhook` declare, or they declare nothing.',
    reportedBy: 'workloads',
    reasons: {
      NotConfigured: { means: 'Neither `spec.exposure` nor a route in `spec.cloud.webhook` is set.' },
      Accepted: { means: 'Every Gateway accepts the route, or the Ingress exists.' },
      NoCertificateYet: {
        means:
          'The operator has not seen a certificate of the Webapps yet, which a Gateway or the controller of an Ingress must trust.',
      },
      Pending: {
        means: 'A Gateway has not answered to the route yet.',
        fix: 'If it lasts, look whether the Gateway that the message names exists, and whether its controller runs.',
      },
      NotAccepted: {
        means: 'A Gateway does not accept the route. The message holds its condition `Accepted`.',
        fix: 'Correct `spec.exposure`, or the listeners of the Gateway: their host names, protocols and `allowedRoutes`.',
        blocks: true,
      },
      RefsNotResolved: {
        means:
          'A Gateway does not find what the route refers to. The message holds its condition `ResolvedRefs`.',
        fix: 'Correct what the message names; the Gateway may not support a kind.',
        blocks: true,
      },
      NameNotInCertificate: {
        means: 'Clients of a TLSRoute see the certificate of the Webapps, which does not bear the host name.',
        fix: 'Put a certificate with the name into the Secret of `spec.tls.secretRef`, or set `spec.tls.issuerRef` or `spec.tls.selfSigned`: then the names follow `spec.exposure`.',
      },
    },
  },
  BackupCurrent: {
    means: 'The last scheduled backup succeeded, or none is scheduled. Ready does not depend on it.',
    reportedBy: 'summary',
    reasons: {
      NotConfigured: { means: '`spec.backup` is not set.' },
      NotScheduled: { means: '`spec.backup.schedule` is not set: backups are made on demand only.' },
      Current: { means: 'The last good backup is not older than the schedule.' },
      NoBackupYet: { means: 'The first scheduled backup has not ended yet.' },
      BackupWaits: {
        means: 'A scheduled backup cannot begin. The message says why.',
        fix: 'Correct what the message names.',
      },
      LastBackupFailed: {
        means: 'The last scheduled backup failed. The message says why, and which good one there is.',
        fix: 'Correct what the message names, and run `kubectl waba backup NAME`.',
      },
      Overdue: {
        means: 'A scheduled backup is more than an hour late.',
        fix: 'Look at the WhatsAppBackups and their Jobs in the namespace.',
      },
      Suspended: { means: '`spec.backup.suspend` is true.', fix: 'Set `spec.backup.suspend` to false.' },
    },
  },
  Autoscaled: {
    means:
      'The HorizontalPodAutoscaler scales the Webapps as it wants to, or spec declares none. Ready does not depend on it.',
    reportedBy: 'summary',
    reasons: {
      NotConfigured: { means: '`spec.nodes.webapp.autoscaling` is not set.' },
      Scaling: { means: 'The autoscaler knows the load and has the Webapps that it wants.' },
      ScalingPending: {
        means: 'The HorizontalPodAutoscaler does not exist yet, or has not looked at the Webapps yet.',
      },
      AtMaximum: {
        means: 'The load asks for more Webapps than `maxReplicas`.',
        fix: 'Raise `spec.nodes.webapp.autoscaling.maxReplicas`, or the CPU request of the Webapps.',
      },
      MetricsMissing: {
        means:
          'The autoscaler does not know the load, so the number of Webapps stays. The message holds its words. After a start of the Webapps, this lasts for about a minute.',
        fix: 'For CPU, install metrics-server: `kubectl top pods` must answer. For requests per second, the metrics adapter must serve the metric; docs/scaling.md has the rule. Or remove what `spec.nodes.webapp.autoscaling` measures.',
      },
      NotAbleToScale: {
        means: 'The autoscaler cannot change the number of Webapps. The message holds its words.',
        fix: 'Correct what the message names; `kubectl describe hpa NAME-webapp` shows more.',
      },
      WebappsNotReady: {
        means: 'The autoscaler has asked for more Webapps than are ready so far.',
      },
    },
  },
  Progressing: {
    means: 'The operator is still working on this generation.',
    reportedBy: 'summary',
    reasons: {
      Settled: { means: 'The stack is Ready.' },
      RolloutStopped: {
        means: 'The rollout made no progress for `spec.upgrade.deadlineSeconds`, so the operator stopped it.',
        fix: 'Correct spec or set it back; to go on unchanged, change `spec.upgrade.deadlineSeconds`.',
        blocks: true,
      },
      DeadlineExceeded: {
        means:
          'The stack has not become Ready within `spec.upgrade.deadlineSeconds`. The operator goes on trying.',
        fix: 'Read the reason of the condition Ready.',
      },
    },
  },
  Paused: {
    means: 'The operator changes nothing.',
    reportedBy: 'summary',
    reasons: {
      Paused: {
        means: '`spec.paused` is true.',
        fix: 'Set `spec.paused` to false, or run `kubectl waba resume NAME`.',
      },
      Active: { means: 'The operator acts on this resource.' },
    },
  },
  Hibernated: {
    means: 'All pods of the stack are stopped, since the last transition of this condition.',
    reportedBy: 'summary',
    reasons: { Awake: { means: '`spec.hibernated` is false.' } },
  },
  Ready: {
    means:
      'The stack is running, registered and configured: every condition from SpecValid to ShardsServed is True for this generation.',
    reportedBy: 'summary',
    reasons: {
      Ready: { means: 'The stack is ready.' },
      Deleting: {
        means: 'The resource is being deleted. The message says what its deletion waits for.',
      },
      CleanupBlocked: {
        means:
          'The operator cannot delete what `deletionPolicy: Delete` asks for. At the time in the message it gives up and lets the resource go.',
        fix: 'Run the command in the message.',
        blocks: true,
      },
      SnapshotBlocked: {
        means:
          'The last backup that `deletionPolicy: Snapshot` asks for failed or cannot begin. The data stay until it is complete.',
        fix: 'Correct what the message names, or give the backup up with the command in the message.',
        blocks: true,
      },
      Unreadable: {
        means: 'Another version of the operator stored this resource, and this version cannot read it.',
        fix: 'Correct the field that the message names, or run the version that stored it.',
        blocks: true,
      },
      Progressing: { means: 'The operator has not finished its first pass over this generation yet.' },
      Paused: { means: '`spec.paused` is true.' },
      PlanOnly: {
        means:
          'The annotation `waba-operator.dev/plan` is `only`: `status.plan` says what the operator would do, and it does nothing.',
        fix: 'Remove the annotation when the plan is what you want.',
      },
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
/** Conditions that the workloads controller computes from the others. */
export type SummaryCondition = ReportedBy<'summary'>;

export type CommonReason = keyof typeof commonReasons;
type OwnReason<T extends ConditionType> = T extends ConditionType
  ? keyof Conditions[T]['reasons'] & string
  : never;
/** The reasons that a condition can have. Ready and Progressing repeat the reason of the condition that they sum up. */
export type ReasonOf<T extends ConditionType> =
  | CommonReason
  | OwnReason<T extends 'Ready' | 'Progressing' ? ConditionType : T>;

export const CONDITION_TYPES = Object.keys(conditions) as readonly ConditionType[];

const reportedBy = <R extends ConditionEntry['reportedBy']>(reporter: R): readonly ReportedBy<R>[] =>
  CONDITION_TYPES.filter((type): type is ReportedBy<R> => conditions[type].reportedBy === reporter);
export const WORKLOADS_CONDITIONS = reportedBy('workloads');
export const APPLICATION_CONDITIONS = reportedBy('application');

/** Whether a stack is Ready only if this condition is True. */
export const isRequired = (type: ConditionType): boolean => {
  const { reportedBy: reporter, isInformation }: ConditionEntry = conditions[type];
  return reporter !== 'summary' && !isInformation;
};

/** The reasons that only this condition has, by name. */
export const ownReasons = (type: ConditionType): Readonly<Record<string, Reason>> => conditions[type].reasons;

/** Reasons for which a person must act before the stack comes up. */
export const BLOCKING_REASONS: ReadonlySet<string> = new Set(
  [commonReasons, ...CONDITION_TYPES.map(ownReasons)].flatMap((reasons: Readonly<Record<string, Reason>>) =>
    Object.entries(reasons).flatMap(([name, { blocks }]) => (blocks ? [name] : [])),
  ),
);

/** Reasons of every step, and of every start, that are no news. */
const EXPECTED: ReadonlySet<string> = new Set([
  'Waiting',
  'Unknown',
  'Conflict',
  'Connecting',
  'PodsNotReady',
  'Hibernating',
  'Hibernated',
]);

/** Reasons that pass at every start, while an earlier step is not finished. */
const PASSING: ReadonlySet<string> = new Set(['ApiRefused', 'NoAnswer', 'KubernetesError', 'Error']);

/** Whether a condition that is False for this reason has a cause that a person may have to mend; `isFirst`: Ready has it too. */
export function isCause(type: ConditionType, reason: string, isFirst: boolean): boolean {
  if (EXPECTED.has(reason) || (PASSING.has(reason) && !isFirst)) return false;
  return reason in commonReasons || ownReasons(type)[reason]?.fix !== undefined;
}

/** What a person does about a reason; undefined if the operator needs no help, or the reason is unknown. */
export function fixOf(reason: string): string | undefined {
  const tables: readonly Readonly<Record<string, Reason>>[] = [
    commonReasons,
    ...CONDITION_TYPES.map(ownReasons),
  ];
  return tables.find((reasons) => reason in reasons)?.[reason]?.fix;
}
