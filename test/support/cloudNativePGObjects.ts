import { readFile } from 'node:fs/promises';
import { loadAll } from 'js-yaml';
import { cloudNativePGManifest } from '../../scripts/cloudNativePG.mjs';
import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';

/** The Deployment of CloudNativePG. */
export const CLOUD_NATIVE_PG = { namespace: 'cnpg-system', name: 'cnpg-controller-manager' };

interface Container {
  readonly env: readonly { readonly name: string }[];
}
type DeploymentObject = KubeObject & {
  readonly spec: { readonly template: { readonly spec: { readonly containers: readonly Container[] } } };
};

/**
 * What installs CloudNativePG, as released.
 * @param images in place of the official ones: the controller, and the servers that it runs unless a Cluster names another
 */
export async function cloudNativePGObjects(images: {
  readonly controller?: string | undefined;
  readonly servers?: string | undefined;
}): Promise<KubeObject[]> {
  const objects = loadAll(await readFile(cloudNativePGManifest(), 'utf8')) as KubeObject[];
  return objects.map((object) =>
    object.kind === 'Deployment' ? withImages(object as DeploymentObject, images) : object,
  );
}

function withImages(
  deployment: DeploymentObject,
  { controller, servers }: { controller?: string | undefined; servers?: string | undefined },
): KubeObject {
  const { spec } = deployment;
  const { template } = spec;
  const values = { OPERATOR_IMAGE_NAME: controller, POSTGRES_IMAGE_NAME: servers };
  const chosen = Object.entries(values).flatMap(([name, value]) => (value ? [{ name, value }] : []));
  const containers = template.spec.containers.map((container) => ({
    ...container,
    ...(controller ? { image: controller, imagePullPolicy: 'IfNotPresent' } : {}),
    env: [...container.env.filter(({ name }) => !chosen.some((it) => it.name === name)), ...chosen],
  }));
  return {
    ...deployment,
    spec: { ...spec, template: { ...template, spec: { ...template.spec, containers } } },
  };
}
