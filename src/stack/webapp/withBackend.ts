import { safeJson } from '../../base/safeJson.ts';
import { jsonOf, withJson } from './jsonTexts.ts';
import type { NetworkLink } from './networkLink.ts';
import type { Serve } from './withApiFaults.ts';

/**
 * Serves the API, and tells in `meta` what is behind it if that is the Cloud API: clients of its gateways know the field. The
 * On-Premises product has none. Source: docs/onprem/cloud-migration.md §17.5.
 */
export function withBackend(serve: Serve, link: Pick<NetworkLink, 'backend'>): Serve {
  return async (request, bindings) => {
    const answer = await serve(request, bindings);
    const { backend } = link;
    const text = jsonOf(answer);
    if (typeof backend !== 'object' || text === undefined) return answer;
    const { meta, ...payload } = safeJson(text) as { meta?: { api_status?: string; version?: string } };
    if (!meta) return answer;
    const { version, ...others } = meta;
    const told = JSON.stringify({ ...payload, meta: { version, backend, ...others } });
    const { status, headers } = answer;
    return withJson(new Response(told, { status, headers }), told);
  };
}
