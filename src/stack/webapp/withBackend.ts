import { safeJson } from '../../base/safeJson.ts';
import { JsonAnswer } from '../http/jsonAnswer.ts';
import type { Answer } from '../http/route.ts';
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
    return addBackend(answer, link);
  };
}

/** The same for an answer that no object of the Fetch API need be made of. */
export function tellBackend(answer: Answer, link: Pick<NetworkLink, 'backend'>): Answer {
  if (!(answer instanceof JsonAnswer)) return addBackend(answer, link);
  const text = textWithBackend(answer.text, link);
  return text === undefined ? answer : new JsonAnswer(answer.status, answer.headers, text);
}

function addBackend(answer: Response, link: Pick<NetworkLink, 'backend'>): Response {
  const text = textWithBackend(jsonOf(answer), link);
  if (text === undefined) return answer;
  const { status, headers } = answer;
  return withJson(new Response(text, { status, headers }), text);
}

/** Undefined if there is nothing to add. */
function textWithBackend(
  text: string | undefined,
  { backend }: Pick<NetworkLink, 'backend'>,
): string | undefined {
  if (typeof backend !== 'object' || text === undefined) return undefined;
  const { meta, ...payload } = safeJson(text) as { meta?: { api_status?: string; version?: string } };
  if (!meta) return undefined;
  const { version, ...others } = meta;
  return JSON.stringify({ ...payload, meta: { version, backend, ...others } });
}
