import { isNotFound } from './apiError.ts';
import type { KubeClient } from './client.ts';
import type { ResourceKind } from './kubeObject.ts';

export interface ServerRequirements {
  readonly kinds: readonly ResourceKind[];
  /** Oldest version that is supported, e.g. `1.32`. */
  readonly minimumVersion: string;
}

interface ApiResourceList {
  readonly resources: readonly { readonly name: string; readonly kind: string }[];
}

/** What the program needs and this API server lacks, one line each with the fix; empty if nothing is missing. */
export async function missingFromServer(
  client: KubeClient,
  { kinds, minimumVersion }: ServerRequirements,
  signal: AbortSignal,
): Promise<string[]> {
  const version = (await client.transport.request({ method: 'GET', path: '/version' }, signal)) as {
    gitVersion: string;
  };
  const problems = isAtLeast(version.gitVersion, minimumVersion)
    ? []
    : [`Kubernetes ${version.gitVersion} is too old; ${minimumVersion} or later is needed`];
  const groups = [...new Set(kinds.map(({ apiVersion }) => apiVersion))];
  const served = await Promise.all(groups.map((group) => resourcesOf(client, group, signal)));
  const absent = kinds.filter(
    ({ apiVersion, plural }) => !served[groups.indexOf(apiVersion)]?.includes(plural),
  );
  return [
    ...problems,
    ...absent.map(
      ({ apiVersion, kind, plural }) =>
        `${apiVersion} ${kind} is not served; install the CustomResourceDefinition ${plural}.${apiVersion.split('/')[0]}`,
    ),
  ];
}

async function resourcesOf(client: KubeClient, apiVersion: string, signal: AbortSignal): Promise<string[]> {
  const path = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  try {
    const { resources } = (await client.transport.request(
      { method: 'GET', path },
      signal,
    )) as ApiResourceList;
    return resources.map(({ name }) => name);
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}

function isAtLeast(gitVersion: string, minimum: string): boolean {
  const numbers = (version: string) => version.replace(/^v/, '').split('.').map(Number.parseFloat);
  const [[major = 0, minor = 0], [wantedMajor = 0, wantedMinor = 0]] = [
    numbers(gitVersion),
    numbers(minimum),
  ];
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
