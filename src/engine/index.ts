// What users of the engine may rely on. A name that is not here may change with any release.
export { type Clock, systemClock } from '../base/clock.ts';
export { CodedError, describeError } from '../base/codedError.ts';
export { jsonLogger, type LogLevel } from '../base/lineLogger.ts';
export { type LogFields, type Logger, silentLogger } from '../base/silentLogger.ts';
export { type Controller, type ReconcileResult, TerminalError } from './controller/controller.ts';
export type {
  CleanUp,
  ControllerBuilder,
  ControllerSettings,
  ReconcileResource,
} from './controllerBuilder.ts';
export {
  ApiError,
  isAlreadyExists,
  isConflict,
  isForbidden,
  isNotFound,
  TransportError,
} from './kube/apiError.ts';
export type { EnsureResult } from './kube/applier.ts';
export {
  type ApplyOptions,
  type CreateOptions,
  type DeleteOptions,
  KubeClient,
  type ListOptions,
  type ListPage,
} from './kube/client.ts';
export {
  type Credentials,
  type Identity,
  inClusterCredentials,
  kubeconfigCredentials,
} from './kube/credentials.ts';
export {
  type KubeObject,
  keyOf,
  kinds,
  type ObjectMeta,
  type OwnerReference,
  objectKey,
  type ResourceKind,
  registerKind,
  splitKey,
} from './kube/kubeObject.ts';
export { LEASE, type LeaseTiming } from './kube/leaderElection.ts';
export type { ObjectCache } from './kube/objectCache.ts';
export { type ApiEncoding, HttpsTransport, type KubeRequest, type Transport } from './kube/transport.ts';
export { Manager, type ManagerOptions } from './manager.ts';
export type { Manifest, Resource } from './resource.ts';
