// For tests of controllers: an API server in this process, under virtual time.
export { VirtualClock } from '../base/virtualClock.ts';
export { NotSimulated } from './simulation/notSimulated.ts';
export { type Merge, type SimulatedKind, serveCustomResource, serveKind } from './simulation/schemas.ts';
export {
  type ChangeListener,
  SimulatedApiServer,
  type StoredEvent,
} from './simulation/simulatedApiServer.ts';
export { SimulatedCluster, type SimulatedClusterOptions } from './simulation/simulatedCluster.ts';
export { type Fault, SimulatedTransport } from './simulation/simulatedTransport.ts';
export { serveWorkloads } from './simulation/workloadKinds.ts';
