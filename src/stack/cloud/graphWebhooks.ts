import * as z from 'zod';
import { type GraphClient, GraphUnknown } from './graphClient.ts';

export interface GraphWebhooksOptions {
  readonly graph: Pick<GraphClient, 'call'>;
  readonly phoneNumberId: string;
  readonly businessAccountId: string;
}

const subscribedApps = z.object({
  data: z.array(
    z.looseObject({
      whatsapp_business_api_data: z.looseObject({ id: z.string() }),
      override_callback_uri: z.string().optional(),
    }),
  ),
});
const configuration = z.looseObject({
  phone_number: z.string().optional(),
  whatsapp_business_account: z.string().optional(),
  application: z.string().optional(),
});
const numberWebhooks = z.looseObject({ webhook_configuration: configuration.optional() });
const accountNumbers = z.object({
  data: z.array(z.looseObject({ id: z.string(), webhook_configuration: configuration.optional() })),
  paging: z.looseObject({ next: z.string().optional() }).optional(),
});

/** Of one page of the numbers of an account. */
const NUMBERS = 100;

/**
 * Where Graph posts the webhooks of one number. Each number has a URL of its own, so that numbers of one business account do
 * not take each other's webhooks; the account as a whole only has to be subscribed. Source: docs/onprem/cloud-migration.md §17.8.
 */
export class GraphWebhooks {
  readonly #options: GraphWebhooksOptions;

  constructor(options: GraphWebhooksOptions) {
    this.#options = options;
  }

  /** Has the webhooks of the number posted to this URL. @throws as `GraphClient.send` */
  async subscribe(url: string, verifyToken: string, signal: AbortSignal): Promise<void> {
    const { graph, phoneNumberId } = this.#options;
    const own = await this.#ownEntry(signal);
    if (!own) await this.#subscribeAccount(signal);
    const json = { webhook_configuration: { override_callback_uri: url, verify_token: verifyToken } };
    await graph.call('POST', phoneNumberId, { json }, signal);
    // An earlier release had the webhooks of all numbers of the account posted here.
    if (own?.override_callback_uri === url) await this.#subscribeAccount(signal);
  }

  /** @throws as `GraphClient.send` */
  async isSubscribed(url: string, signal: AbortSignal): Promise<boolean> {
    const { graph, phoneNumberId } = this.#options;
    const path = `${phoneNumberId}?fields=webhook_configuration`;
    const webhooks = parsed(numberWebhooks, await graph.call('GET', path, {}, signal));
    if (webhooks.webhook_configuration?.phone_number !== url) return false;
    return (await this.#ownEntry(signal)) !== undefined;
  }

  /**
   * Has no more webhooks of the number posted to this URL. The subscription of the account stays while webhooks of another
   * number go anywhere. @throws as `GraphClient.send`
   */
  async unsubscribe(url: string, signal: AbortSignal): Promise<void> {
    const { graph, phoneNumberId, businessAccountId } = this.#options;
    // First, so that of two numbers that leave at once the second one sees that nobody is left.
    const json = { webhook_configuration: { override_callback_uri: '' } };
    await graph.call('POST', phoneNumberId, { json }, signal);
    const path = `${businessAccountId}/phone_numbers?fields=id,webhook_configuration&limit=${NUMBERS}`;
    const { data, paging } = parsed(accountNumbers, await graph.call('GET', path, {}, signal));
    const others = data.flatMap(({ id, webhook_configuration: webhook }) =>
      id === phoneNumberId ? [] : [webhook ?? {}],
    );
    const isNeeded = others.some(
      ({ phone_number, whatsapp_business_account: account, application }) =>
        phone_number !== undefined || application !== undefined || (account !== undefined && account !== url),
    );
    if (!isNeeded && paging?.next === undefined)
      await graph.call('DELETE', `${businessAccountId}/subscribed_apps`, {}, signal);
    else if (others.some(({ whatsapp_business_account: account }) => account === url))
      await this.#subscribeAccount(signal);
  }

  /** Without a URL: one that somebody has set for the account is removed by that. */
  async #subscribeAccount(signal: AbortSignal): Promise<void> {
    const { graph, businessAccountId } = this.#options;
    await graph.call('POST', `${businessAccountId}/subscribed_apps`, {}, signal);
  }

  /** The subscription of this app to the account; undefined if there is none. Other apps may have theirs. */
  async #ownEntry(signal: AbortSignal) {
    const { graph, businessAccountId } = this.#options;
    const path = `${businessAccountId}/subscribed_apps`;
    const { data } = parsed(subscribedApps, await graph.call('GET', path, {}, signal));
    if (data.length === 0) return undefined;
    const { id } = await graph.call('GET', 'app?fields=id', {}, signal);
    return data.find(({ whatsapp_business_api_data: app }) => app.id === id);
  }
}

function parsed<Shape extends z.ZodType>(shape: Shape, answer: unknown): z.output<Shape> {
  const { success, data } = shape.safeParse(answer);
  if (!success) throw new GraphUnknown('the answer has not the known shape');
  return data;
}
