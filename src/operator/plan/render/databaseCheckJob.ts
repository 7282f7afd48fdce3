import { hashOf } from '../../../engine/kube/ownFields.ts';
import { annotations } from '../facts/names.ts';
import type { Observation } from '../facts/observed.ts';
import { type SchemaIdentity, schemaIdentity, schemaNote } from '../facts/schemaIdentity.ts';
import { connectionsNeeded } from '../facts/stackSettings.ts';
import { type Child, child } from './child.ts';
import { commonPod } from './nodeContainer.ts';
import { type NodeInputs, nodeInputs, nodeRelease, type PodRelease, type StackPods } from './nodeInputs.ts';
import { podTemplate } from './podTemplate.ts';
import { JOB_RESOURCES } from './schemaJob.ts';
import { checkVariables, databaseCertificates } from './stackEnvironment.ts';

/** The check repeats itself, so only a program that cannot run ends and is started again. */
const BACKOFF_LIMIT = 100;
/** After this time the operator makes the Job anew, so that one that hangs does not hang for ever. */
const ACTIVE_DEADLINE_SECONDS = 4 * 60 * 60;

/** The check of an external database that a stack needs, and the Job that makes it. */
export interface DatabaseCheck {
  /** What is checked: server, login, certificates and number of connections. */
  readonly needed: SchemaIdentity;
  readonly job: Child;
}

interface CheckInputs extends NodeInputs {
  readonly connections: number;
}
interface CheckRelease extends PodRelease {
  /** Of our stack, also for the vendor's: only it has the command. */
  readonly checker: string;
}

/** Undefined for a managed database. `checker` is the image of this operator version: an earlier one lacks the command. */
export function databaseCheck(
  pods: StackPods,
  observed: Observation,
  checker: string,
): DatabaseCheck | undefined {
  const { resource } = pods;
  if (resource.spec.database.managed) return undefined;
  const inputs = { ...nodeInputs(pods, 'schema'), connections: connectionsNeeded(resource) };
  const release = { ...nodeRelease(pods), checker };
  const needed = schemaIdentity(observed, { connections: inputs.connections });
  const name = `${resource.metadata.name}-database-check-${hashOf([schemaNote(needed), render(inputs, release)]).slice(0, 7)}`;
  const job = child(resource, {
    component: 'database-check',
    identity: { apiVersion: 'batch/v1', kind: 'Job', name },
    annotations: { [annotations.databaseCheck]: schemaNote(needed) },
    inputs,
    release,
    render,
  });
  return { needed, job };
}

function render(inputs: CheckInputs, release: CheckRelease) {
  const certificates = databaseCertificates(inputs, release);
  const { securityContext, ...podTemplateOfSchema } = inputs.spec.nodes?.podTemplate ?? {};
  const isVendor = inputs.spec.stack === 'OnPremises';
  const template = podTemplate({
    ...commonPod(inputs),
    component: 'database-check',
    // It is no client of any version, and our image, whose security context is not that of the vendor's.
    version: undefined,
    vendor: false,
    restartPolicy: 'OnFailure',
    resources: JOB_RESOURCES,
    overrides: isVendor ? podTemplateOfSchema : inputs.spec.nodes?.podTemplate,
    container: {
      image: release.checker,
      args: ['check-database', '--wait', `--connections=${inputs.connections}`],
      env: checkVariables(inputs, release),
      volumeMounts: certificates.volumeMounts,
    },
    volumes: certificates.volumes,
  });
  return { spec: { backoffLimit: BACKOFF_LIMIT, activeDeadlineSeconds: ACTIVE_DEADLINE_SECONDS, template } };
}
