import type { IncomingMessage } from 'node:http';
import { type Clock, withDeadline } from '../base/clock.ts';
import { CodedError } from '../base/codedError.ts';
import { openHttps } from '../base/openHttps.ts';
import { safeJson } from '../base/safeJson.ts';
import { GATEWAY_PATHS, GATEWAY_PORTS, type GatewayStatus, gatewayStatus } from '../cloud/gatewayStatus.ts';

/** The control port of a gateway to the Cloud API. */
export interface GatewayAccess {
  /** Of its pod. */
  readonly address: string;
  readonly token: string;
}

/** Removing a subscription takes a call of the Cloud API, which may take 20 s. */
const TIMEOUT_MS = { status: 5_000, unsubscribe: 30_000 } as const;
/** A status has some KB. A pod that answers more is no gateway. */
const MOST_BYTES = 64 * 1024;

/** Asks gateways how they are. */
export class GatewayClient {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws CodedError `NoAnswer`, `BadAnswer` */
  async status(access: GatewayAccess, signal: AbortSignal): Promise<GatewayStatus> {
    const { statusCode, status } = await this.#call('GET', GATEWAY_PATHS.status, access, signal);
    if (statusCode === 200 && status) return status;
    throw new CodedError('BadAnswer', refusal(statusCode));
  }

  /**
   * Has the gateway remove its subscription.
   * @returns why it could not; undefined once nothing is subscribed
   * @throws CodedError `NoAnswer`, `BadAnswer`
   */
  async unsubscribe(access: GatewayAccess, signal: AbortSignal): Promise<string | undefined> {
    const { statusCode, status } = await this.#call('POST', GATEWAY_PATHS.unsubscribe, access, signal);
    if (statusCode === 200 && status) return undefined;
    if (statusCode === 502 && status)
      return status.subscription.detail ?? 'the Cloud API did not remove the subscription';
    throw new CodedError('BadAnswer', refusal(statusCode));
  }

  async #call(
    method: 'GET' | 'POST',
    path: string,
    { address, token }: GatewayAccess,
    signal: AbortSignal,
  ): Promise<{ readonly statusCode: number; readonly status: GatewayStatus | undefined }> {
    const timeoutMs = method === 'GET' ? TIMEOUT_MS.status : TIMEOUT_MS.unsubscribe;
    const late = () => new CodedError('NoAnswer', `the gateway did not answer within ${timeoutMs / 1000} s`);
    const deadline = withDeadline(this.#clock, signal, timeoutMs, late);
    const host = address.includes(':') ? `[${address}]` : address;
    try {
      const response = await openHttps(
        {
          to: `http://${host}:${GATEWAY_PORTS.control}${path}`,
          method,
          headers: { authorization: `Bearer ${token}` },
          timeoutMs,
        },
        deadline.signal,
      );
      const { statusCode = 0 } = response;
      return { statusCode, status: gatewayStatus.safeParse(safeJson(await textOf(response))).data };
    } catch (cause) {
      if (signal.aborted || cause instanceof CodedError) throw cause;
      throw new CodedError('NoAnswer', `the gateway at ${address} did not answer`, { cause });
    } finally {
      deadline.release();
    }
  }
}

const refusal = (statusCode: number): string =>
  statusCode === 401
    ? 'the gateway refused the token of its control port (401); it reads another one within two minutes'
    : `the gateway answered ${statusCode} without a status`;

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES)
      throw new CodedError('BadAnswer', `the gateway answered more than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
