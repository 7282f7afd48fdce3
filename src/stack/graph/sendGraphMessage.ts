import { randomBytes } from 'node:crypto';
import { TokenBucket } from '../../base/tokenBucket.ts';
import { onPremisesId } from '../../cloud/messageIds.ts';
import { mediaReferences, messageId } from '../../onprem/messages.ts';
import { SESSION_WINDOW_MS } from '../network/behaviour.ts';
import { productProblem } from '../network/catalog.ts';
import type { GraphFault } from '../network/graphFaults.ts';
import { isGraphMediaOver, type SentByGraph } from '../network/graphState.ts';
import type { Network } from '../network/network.ts';
import { laterFailure, templateProblem } from '../network/templates.ts';
import { peerInIds } from '../network/userId.ts';
import { cloudCode } from './cloudCodes.ts';
import { fetchLinked } from './fetchLinked.ts';
import { GraphFailure, graphErrorTitle } from './graphFailure.ts';
import type { SentMessage } from './graphMessageShape.ts';
import { personOf, wamidOf } from './webhookValues.ts';

/** Messages a second of a number, and to one person. Source: docs/onprem/cloud-migration.md §11, §17.3. */
const THROUGHPUT = { STANDARD: 80, HIGH: 1_000 } as const;
const PAIR = { burst: 45, perSecond: 1 / 6 } as const;
/** Pairs whose rate is remembered. */
const MOST_PAIRS = 10_000;

export interface GraphSenderOptions {
  readonly network: Network;
  /** Whether the documented rates apply. */
  readonly limits: boolean;
  /** Hosts that links may name. */
  readonly mediaHosts: readonly string[] | undefined;
  /** Ends with the network. */
  readonly signal: AbortSignal;
}

/** The answer to a message. `id`: of the On-Premises structure. */
export const sentAnswer = (
  id: string,
  type: string,
  contact: {
    readonly input: string;
    readonly wa_id?: string | undefined;
    readonly user_id?: string | undefined;
  },
): object => ({
  messaging_product: 'whatsapp',
  contacts: [contact],
  messages: [{ id: wamidOf(id), ...(type === 'template' ? { message_status: 'accepted' } : {}) }],
});

type Media = { readonly id: string; readonly type: string; readonly bytes: number; readonly sha256: string };
type Failure = NonNullable<SentByGraph['failure']>;

/** Hands messages of the Graph API to the network, or refuses them. */
export class GraphSender {
  readonly #options: GraphSenderOptions;
  readonly #numbers = new Map<string, { readonly level: string; readonly bucket: TokenBucket }>();
  readonly #pairs = new Map<string, TokenBucket>();

  constructor(options: GraphSenderOptions) {
    this.#options = options;
  }

  /** @returns the body of the answer. @throws GraphFailure */
  async send(number: string, message: SentMessage, fault: GraphFault | undefined): Promise<object> {
    const { network } = this.#options;
    const { type, content, to } = message;
    const waId = 'digits' in to ? network.state.waIdOf(to.digits) : network.people.byUserId(to.userId);
    if (waId === undefined)
      throw new GraphFailure(131026, `Nobody has the business-scoped user id ${message.input}`);
    if (waId === number) throw new GraphFailure(131021, 'The recipient is the sender');
    const category = this.#categoryOf(number, message);
    this.#checkProducts(number, message);
    this.#checkRates(number, waId);
    const media = await this.#mediaOf(number, content, type);
    const failure = this.#failureOf(waId, message, media, fault);
    const id = messageId('outbound', peerInIds(waId, network.state.people.get(waId)), randomBytes);
    const quoted = message.quotedWamid;
    await network.submit(number, {
      id,
      to: waId,
      type,
      body: {
        [type]: content,
        ...(quoted === undefined ? {} : { context: { message_id: onPremisesId(quoted) ?? quoted } }),
      },
      media: media.flatMap((each) => ('sha256' in each ? [each] : [])),
      graph: {
        category,
        isFree: this.#isWindowOpen(number, waId) && category !== 'marketing' && category !== 'authentication',
        ...(message.opaque === undefined ? {} : { opaque: message.opaque }),
        ...(failure ? { failure } : {}),
        ...(type === 'audio' && content.voice === true ? { isVoice: true } : {}),
      },
    });
    const person = personOf(network, waId);
    const contact = 'userId' in to ? { user_id: person.userId } : { wa_id: waId };
    return sentAnswer(id, type, { input: message.input, ...contact });
  }

  #isWindowOpen(number: string, waId: string): boolean {
    const { state, now } = { state: this.#options.network.state, now: this.#options.network.now() };
    const wroteAt = state.people.get(waId)?.lastWrote[number];
    return wroteAt !== undefined && now - wroteAt <= SESSION_WINDOW_MS;
  }

  /** Of the price. @throws GraphFailure for a template that cannot be sent */
  #categoryOf(number: string, { type, content, to }: SentMessage): string {
    if (type !== 'template') return 'service';
    const { templates = [] } = this.#options.network.state.known(number);
    const { name, language } = content as { name: string; language: { code: string } };
    const entry = templates.find((known) => known.name === name && known.language === language.code);
    // The Cloud API knows no namespaces.
    const sent = { ...content, namespace: templates[0]?.namespace ?? '' } as Parameters<
      typeof templateProblem
    >[0];
    const problem = templateProblem(sent, templates);
    if (problem) throw new GraphFailure(cloudCode(problem.code), problem.details);
    const later = laterFailure(sent, templates);
    if (later !== undefined)
      throw new GraphFailure(cloudCode(later), `template (${name}) cannot be sent now`);
    const category = entry?.category ?? 'utility';
    if (category === 'authentication' && 'userId' in to)
      throw new GraphFailure(131062, 'Authentication templates need the phone number of the person');
    return category;
  }

  #checkProducts(number: string, { type, content }: SentMessage): void {
    if (type !== 'interactive') return;
    const problem = productProblem(content as never, this.#options.network.state.known(number).catalog);
    if (problem && !problem.isWarning) throw new GraphFailure(131009, problem.details);
  }

  #checkRates(number: string, waId: string): void {
    const { network, limits } = this.#options;
    if (!limits) return;
    const level = network.state.known(number).graph?.throughput ?? 'STANDARD';
    const known = this.#numbers.get(number);
    const perSecond = THROUGHPUT[level];
    const bucket =
      known?.level === level ? known.bucket : new TokenBucket(network.time, { perSecond, burst: perSecond });
    this.#numbers.set(number, { level, bucket });
    const pair = this.#pairs.get(`${number}/${waId}`) ?? new TokenBucket(network.time, PAIR);
    this.#pairs.delete(`${number}/${waId}`);
    this.#pairs.set(`${number}/${waId}`, pair);
    const [oldest] = this.#pairs.keys();
    if (this.#pairs.size > MOST_PAIRS && oldest !== undefined) this.#pairs.delete(oldest);
    if (!bucket.tryTake())
      throw new GraphFailure(130429, `Cloud API message throughput has been reached: ${perSecond} a second`);
    if (!pair.tryTake())
      throw new GraphFailure(131056, 'Too many messages from this number to the same person in a short time');
  }

  /** The media of a message, in their order; a failure for a link that nobody answered. */
  #mediaOf(
    number: string,
    content: Readonly<Record<string, unknown>>,
    type: string,
  ): Promise<(Media | Failure)[]> {
    const { network, mediaHosts, signal } = this.#options;
    return Promise.all(
      mediaReferences({ [type]: content }).map(async ({ id, link }): Promise<Media | Failure> => {
        if (id !== undefined) {
          const media = network.state.graph.media.get(id);
          if (!media || media.number !== number || isGraphMediaOver(media, network.now()))
            throw new GraphFailure(131009, `There is no media ${id} of this number`);
          const bytes = (await network.media.size(media.sha256)) ?? 0;
          return { id, type: media.type, bytes, sha256: media.sha256 };
        }
        try {
          const { content: bytes, type: mimeType } = await fetchLinked(
            link ?? '',
            mediaHosts,
            network.clock,
            signal,
          );
          return { id: '', type: mimeType, bytes: bytes.length, sha256: await network.media.keep(bytes) };
        } catch (error) {
          const details = `${link} could not be downloaded: ${(error as Error).message}`;
          return { code: 131053, title: graphErrorTitle(131053), details };
        }
      }),
    );
  }

  /** Why the message fails after it was accepted. */
  #failureOf(
    waId: string,
    { identityHash }: SentMessage,
    media: readonly (Media | Failure)[],
    fault: GraphFault | undefined,
  ): Failure | undefined {
    const code = fault?.failsWith;
    if (code !== undefined) return { code, title: graphErrorTitle(code), details: 'Set at the control port' };
    if (identityHash !== undefined && identityHash !== this.#options.network.people.identityOf(waId))
      return { code: 137000, title: graphErrorTitle(137000), details: 'The person has another identity' };
    return media.find((each): each is Failure => 'code' in each);
  }
}
