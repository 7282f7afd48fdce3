import { hashOf } from '../../../engine/kube/ownFields.ts';
import type { PinnedRelease } from '../facts/release.ts';
import { type Child, child } from './child.ts';
import { commonPod, imageOf, startCommand } from './nodeContainer.ts';
import { type NodeInputs, nodeInputs, type StackPods } from './nodeInputs.ts';
import { podTemplate } from './podTemplate.ts';
import { databaseCaVolume, schemaVariables } from './stackEnvironment.ts';

/** Container failures before the Job gives up; the database may take long to start. */
const BACKOFF_LIMIT = 100;

/** The Job that upgrades the schema. Jobs are immutable, so its name contains a hash of what its result depends on. */
export function schemaJob(pods: StackPods): Child {
  const { resource, release } = pods;
  const inputs = nodeInputs(pods, 'schema');
  const { version, database } = inputs.spec;
  const identity = { version, database, image: imageOf(inputs, release, 'coreapp') };
  return child(resource, {
    component: 'schema',
    identity: {
      apiVersion: 'batch/v1',
      kind: 'Job',
      name: `${resource.metadata.name}-schema-${hashOf(identity).slice(0, 8)}`,
    },
    inputs,
    release,
    render,
  });
}

function render(inputs: NodeInputs, release: PinnedRelease) {
  const ca = databaseCaVolume(inputs);
  const template = podTemplate({
    ...commonPod(inputs),
    component: 'schema',
    restartPolicy: 'OnFailure',
    container: {
      image: imageOf(inputs, release, 'coreapp'),
      command: startCommand(inputs),
      env: schemaVariables(inputs),
      volumeMounts: ca.volumeMounts,
    },
    volumes: ca.volumes,
  });
  return { spec: { backoffLimit: BACKOFF_LIMIT, template } };
}
