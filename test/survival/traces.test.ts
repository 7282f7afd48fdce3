import { afterEach, describe, expect, it, vi } from 'vitest';
import { apiCall } from '../support/apiCall.ts';
import { EmulatorProcesses } from '../support/emulatorProcesses.ts';
import { CODE, certificateFor } from '../support/emulatorStack.ts';
import { eventually } from '../support/eventually.ts';
import { startHttpsServer } from '../support/httpsServer.ts';
import type { ReceivedSpan } from '../support/receivedSpans.ts';
import { startTraceCollector } from '../support/traceCollector.ts';

const never = new AbortController().signal;
const PASSWORD = 'Passw0rd!-test';
const NUMBER = '16315557000';
const PERSON = '16505570001';
const TEXT = 'the words of a customer';
const HOOK_TOKEN = 'token-of-the-webhook';
const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER = '00f067aa0ba902b7';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const close of closers.splice(0).reverse()) await close();
}, 60_000);

/** A registered stack of processes with traces. The receiver refuses callbacks while `answer.status` is not 200. */
async function tracedStack() {
  const collector = await startTraceCollector();
  closers.push(collector.close);
  const answer = { status: 200 };
  const callbacks: { traceparent: string | undefined; body: string }[] = [];
  const receiver = await startHttpsServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    callbacks.push({ traceparent: request.headers.traceparent as string | undefined, body });
    response.writeHead(answer.status).end();
  });
  closers.push(receiver.close);
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.url);
  vi.stubEnv('OTEL_EXPORTER_OTLP_HEADERS', 'authorization=Bearer%20of-the-collector');
  vi.stubEnv('OTEL_BSP_SCHEDULE_DELAY', '100');
  const processes = await EmulatorProcesses.start(['coreapp-0'], { isSingle: true });
  closers.push(() => processes.close());
  const client = await processes.client();
  const session = await eventually(() =>
    client.users.login('admin', 'secret', { newPassword: PASSWORD }, never),
  );
  const code = {
    cc: '1',
    phone_number: NUMBER.slice(1),
    method: 'sms',
    cert: certificateFor(NUMBER),
  } as const;
  await eventually(() => client.account.requestCode(session, code, never), 60_000);
  await client.account.verify(session, CODE, never);
  await client.certificates.setWebhookCa(session, receiver.caPem, never);
  const webhooks = { url: `${receiver.url}/hook?${HOOK_TOKEN}`, message: { sent: true, delivered: true } };
  await client.settings.patchApplication(session, { webhooks, callback_backoff_delay_ms: 100 }, never);
  // The CA takes effect with a restart.
  await processes.restart('coreapp-0');
  await eventually(
    async () =>
      (await processes.simulate('POST', `/numbers/${NUMBER}/messages`, { from: PERSON, text: TEXT }))
        .status === 201,
  );
  const send = async () => {
    const address = await processes.webappAddress();
    const body = JSON.stringify({ to: PERSON, type: 'text', text: { body: TEXT } });
    const headers = {
      authorization: `Bearer ${session.token}`,
      'content-type': 'application/json',
      traceparent: `00-${TRACE_ID}-${CALLER}-01`,
    };
    return eventually(async () => {
      const response = await apiCall(address, { method: 'POST', path: '/v1/messages', headers, body });
      expect(response.status).toBe(201);
      return String(response.json.messages[0].id);
    });
  };
  return { collector, answer, callbacks, processes, send };
}

/** The names from a span up to the one without a parent here, the caller's span last. */
function ancestry(spans: readonly ReceivedSpan[], span: ReceivedSpan | undefined): string[] {
  if (!span) return [];
  const parent = spans.find(({ spanId }) => spanId === span.parentSpanId);
  return [`${span.service}: ${span.name}`, ...(parent ? ancestry(spans, parent) : [span.parentSpanId ?? ''])];
}

describe('the trace of a message', { timeout: 240_000 }, () => {
  it('leads from the API call over all processes, attempts and a restart to the webhook, and holds no personal data', async () => {
    const { collector, answer, callbacks, processes, send } = await tracedStack();
    answer.status = 503;
    const id = await send();
    const ours = () => collector.spans.filter(({ traceId }) => traceId === TRACE_ID);
    const attempts = () => ours().filter(({ name }) => name === 'webhook POST');
    // Refused callbacks wait in the database, and the node that posts them again is another process.
    await eventually(() => attempts().length > 0, 60_000);
    await processes.restart('coreapp-0');
    answer.status = 200;
    const delivered = () =>
      attempts().filter(({ isError, parentSpanId }) => {
        const cause = ours().find(({ spanId }) => spanId === parentSpanId);
        return !isError && cause?.attributes['waba.status'] === 'delivered';
      });
    await eventually(() => delivered().length > 0, 60_000);

    expect(attempts().some(({ isError }) => isError)).toBe(true);
    expect(ancestry(ours(), delivered()[0])).toEqual([
      'waba-coreapp: webhook POST',
      'waba-coreapp: coreapp store status',
      'waba-network: network report status',
      'waba-network: network take message',
      'waba-coreapp: coreapp send message',
      'waba-coreapp: coreapp store message',
      'waba-webapp: POST /v1/messages',
      CALLER,
    ]);
    const told = callbacks.find(({ traceparent }) => traceparent?.includes(delivered()[0]?.spanId ?? 'none'));
    expect(told?.traceparent).toMatch(new RegExp(`^00-${TRACE_ID}-`));
    expect(told?.body).toContain('"delivered"');

    expect(collector.headers).toContain('Bearer of-the-collector');
    const all = collector.bodies.join('\n');
    for (const planted of [
      NUMBER,
      NUMBER.slice(1),
      PERSON,
      TEXT,
      HOOK_TOKEN,
      PASSWORD,
      id,
      'of-the-collector',
    ])
      expect(all).not.toContain(planted);
  });
});
