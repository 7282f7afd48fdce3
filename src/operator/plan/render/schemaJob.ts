import { hashOf } from '../../../engine/kube/ownFields.ts';
import { tlsMark } from '../facts/managedTls.ts';
import { annotations } from '../facts/names.ts';
import type { Observation } from '../facts/observed.ts';
import { type SchemaIdentity, schemaIdentity, schemaNote } from '../facts/schemaIdentity.ts';
import { type Child, child } from './child.ts';
import { commonPod, imageOf, startCommand } from './nodeContainer.ts';
import { type NodeInputs, nodeInputs, nodeRelease, type PodRelease, type StackPods } from './nodeInputs.ts';
import { podTemplate } from './podTemplate.ts';
import { databaseCertificates, schemaVariables } from './stackEnvironment.ts';

/** Container failures before the Job gives up; the database may take long to start. */
const BACKOFF_LIMIT = 100;
/** After this time the operator makes the Job anew, so that one that hangs does not hang for ever. */
const ACTIVE_DEADLINE_SECONDS = 4 * 60 * 60;
/** So that a ResourceQuota does not refuse the pod. A Job is made anew anyway, so a default restarts nothing. */
export const JOB_RESOURCES = {
  requests: { cpu: '50m', memory: '128Mi' },
  limits: { cpu: '1', memory: '512Mi' },
};

/** The schema that a stack needs, and the Job that makes it. */
export interface SchemaRun {
  readonly needed: SchemaIdentity;
  readonly job: Child;
  /** The name that earlier versions gave the Job. */
  readonly earlierName: string;
}

/**
 * A Job is immutable, so its name contains a hash of everything in it. What its completion proves depends on less: a
 * completed Job does not run again for other resources or pull secrets.
 */
export function schemaRun(pods: StackPods, observed: Observation): SchemaRun {
  const { resource } = pods;
  const release = nodeRelease(pods);
  const inputs = nodeInputs(pods, 'schema');
  const { version, database } = inputs.spec;
  const image = imageOf(inputs, release, 'coreapp');
  const needed = schemaIdentity(observed, { version, image });
  const nameOf = (content: unknown) => `${resource.metadata.name}-schema-${hashOf(content).slice(0, 8)}`;
  const job = child(resource, {
    component: 'schema',
    identity: {
      apiVersion: 'batch/v1',
      kind: 'Job',
      name: nameOf([schemaNote(needed), render(inputs, release)]),
    },
    annotations: { [annotations.schema]: schemaNote(needed) },
    inputs,
    release,
    render,
  });
  return { needed, job, earlierName: nameOf({ version, database, image }) };
}

function render(inputs: NodeInputs, release: PodRelease) {
  const certificates = databaseCertificates(inputs, release);
  const template = podTemplate({
    ...commonPod(inputs),
    component: 'schema',
    annotations: tlsMark(release.databaseTls),
    restartPolicy: 'OnFailure',
    resources: inputs.spec.nodes?.resources ?? JOB_RESOURCES,
    overrides: inputs.spec.nodes?.podTemplate,
    container: {
      image: imageOf(inputs, release, 'coreapp'),
      command: startCommand(inputs),
      env: schemaVariables(inputs, release),
      volumeMounts: certificates.volumeMounts,
    },
    volumes: certificates.volumes,
  });
  return { spec: { backoffLimit: BACKOFF_LIMIT, activeDeadlineSeconds: ACTIVE_DEADLINE_SECONDS, template } };
}
