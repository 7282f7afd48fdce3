import type { KubeClient } from './client.ts';

export interface PodLogQuery {
  /** Required if the pod has several containers. */
  readonly container?: string | undefined;
  readonly timestamps?: boolean;
  readonly tailLines?: number;
  /** RFC 3339. */
  readonly sinceTime?: string;
  /** The log of the container before its last restart. */
  readonly previous?: boolean;
}

/** The log of a container. @throws ApiError 400 before the container has started, 404 if there is no such pod */
export const podLog = (
  client: KubeClient,
  namespace: string,
  pod: string,
  query: PodLogQuery,
  signal: AbortSignal,
): Promise<string> => {
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}/log`;
  return client.transport.text({ method: 'GET', path, query: { ...query } }, signal);
};
