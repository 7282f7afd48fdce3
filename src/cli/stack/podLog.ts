import type { KubeClient } from '../../engine/kube/client.ts';

export interface PodLogQuery {
  /** Needed where the pod has several. */
  readonly container?: string | undefined;
  readonly timestamps?: boolean;
  readonly tailLines?: number;
  /** RFC 3339. */
  readonly sinceTime?: string;
  /** Of the life before. */
  readonly previous?: boolean;
}

/** What a container has logged. @throws ApiError 400 before it has started, 404 where there is no such pod or life */
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
