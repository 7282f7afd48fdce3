import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';
import type { RotationEntry } from '../../src/operator/plan/facts/journal.ts';
import { managedTls } from '../../src/operator/plan/facts/managedTls.ts';
import type { Observation } from '../../src/operator/plan/facts/observed.ts';
import { databaseCheck } from '../../src/operator/plan/render/databaseCheckJob.ts';
import { gateway } from '../../src/operator/plan/render/gateway.ts';
import {
  gatewayMonitor,
  issuedCertificate,
  podMonitor,
} from '../../src/operator/plan/render/integrations.ts';
import { managedDatabase } from '../../src/operator/plan/render/managedDatabase.ts';
import { networkProcess } from '../../src/operator/plan/render/networkProcess.ts';
import { coreapps, masters } from '../../src/operator/plan/render/nodeSlots.ts';
import { passwordJob } from '../../src/operator/plan/render/passwordJob.ts';
import { schemaRun } from '../../src/operator/plan/render/schemaJob.ts';
import {
  disruptionBudgets,
  mediaClaim,
  serviceAccount,
  services,
} from '../../src/operator/plan/render/surroundings.ts';
import { webapps } from '../../src/operator/plan/render/webapps.ts';
import type { WhatsAppDeployment } from '../../src/operator/resource/whatsAppDeployment.ts';

const release = { stack: 'waba-stack:test', database: 'postgres', databaseVersion: '18' };

/** The rotations of a password that have a Job. */
const ROTATIONS: readonly RotationEntry[] = [
  { request: 'may', phase: 'Preparing', next: { username: 'waba_2', password: 'p' } },
  { request: 'may', phase: 'Retiring', previous: { username: 'waba', login: 'hash' } },
];

const nothingIsThere = (resource: WhatsAppDeployment): Observation => ({
  resource,
  stacks: [resource],
  sameNumber: [resource],
  rivals: [],
  children: new Map(),
  pods: [],
  sharedPods: [],
  referenced: new Map(),
  journal: undefined,
  api: undefined,
});

/** Every object of a stack but its Secrets, as the operator renders it. */
export function everyChild(resource: WhatsAppDeployment): KubeObject[] {
  const databaseTls = managedTls(nothingIsThere(resource));
  const pods = { resource, release, databaseTls, secrets: 'hash', coreappRestarts: 0, webappRestarts: 0 };
  return [
    serviceAccount(resource),
    ...services(resource),
    ...disruptionBudgets(resource),
    ...mediaClaim(resource),
    ...issuedCertificate(resource),
    ...podMonitor(resource, 'shop-webapp.default.svc'),
    ...managedDatabase(resource, release, databaseTls),
    ...networkProcess(resource, [resource], release.stack),
    ...gateway(resource, release),
    ...gatewayMonitor(resource),
    schemaRun(pods, nothingIsThere(resource)).job,
    ...[databaseCheck(pods, nothingIsThere(resource), release.stack)].flatMap((check) => check?.job ?? []),
    ...(resource.spec.database.managed ? ROTATIONS : []).flatMap(
      (rotation) => passwordJob(pods, rotation, release.stack) ?? [],
    ),
    ...masters(pods),
    // The highest slot has the longest name.
    ...coreapps(pods, [63]),
    webapps(pods),
  ].map(({ object }) => object);
}
