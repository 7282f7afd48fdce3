import type { GatewayStatus } from '../../cloud/gatewayStatus.ts';
import { detailsOf, type GraphError } from '../../cloud/graphErrors.ts';
import type { GraphCall, GraphNumber, Probe } from './graphCall.ts';

type Verdict = GatewayStatus['token'];
const UNKNOWN: Verdict = { state: 'Unknown' };
const VALID: Verdict = { state: 'Valid' };
/** Of two verdicts the one that a person must act on first. */
const GRAVITY: readonly Verdict['state'][] = [
  'Refused',
  'WrongAccount',
  'PermissionMissing',
  'Unknown',
  'Valid',
];
const UNKNOWN_OBJECT = 33;
const DETAIL_LENGTH = 1_024;

/** What Graph said last: of itself, the token and the number. */
export class GraphWatch {
  readonly #now: () => number;
  #isAnswering = false;
  #lastAnswerAt: number | undefined;
  #detail: string | undefined;
  #token: Readonly<Record<Probe, Verdict>> = { number: UNKNOWN, account: UNKNOWN };
  #number: { readonly about: GraphNumber; readonly at: number } | undefined;

  /** `now`: epoch ms. */
  constructor(now: () => number) {
    this.#now = now;
  }

  heard({ probe, outcome }: GraphCall): void {
    if (outcome.kind !== 'done' && outcome.kind !== 'refused') {
      this.#isAnswering = false;
      this.#detail = outcome.detail.slice(0, DETAIL_LENGTH);
      return;
    }
    this.#isAnswering = true;
    this.#lastAnswerAt = this.#now();
    this.#detail = undefined;
    if (outcome.kind === 'done') {
      if (probe) this.#token = { ...this.#token, [probe]: VALID };
      return;
    }
    const verdict = verdictOf(outcome.error, probe);
    if (verdict?.state === 'Refused') this.#token = { number: verdict, account: verdict };
    else if (verdict && probe) this.#token = { ...this.#token, [probe]: verdict };
  }

  /** `expected`: digits of the number that is registered here; empty before that. */
  learned(about: GraphNumber, expected: string): void {
    this.#number = { about, at: this.#now() };
    if (expected === '' || expected === about.number) return;
    const detail = `The phone number id belongs to +${about.number}, and this stack is registered as +${expected}`;
    this.#token = { ...this.#token, number: { state: 'WrongAccount', detail } };
  }

  /** There is another token, of which Graph has said nothing. */
  tokenChanged(): void {
    this.#token = { number: UNKNOWN, account: UNKNOWN };
  }

  get graph(): Omit<GatewayStatus['graph'], 'version'> {
    return {
      isAnswering: this.#isAnswering,
      ...(this.#lastAnswerAt === undefined ? {} : { lastAnswerAt: isoTime(this.#lastAnswerAt) }),
      ...(this.#detail === undefined ? {} : { detail: this.#detail }),
    };
  }

  get token(): Verdict {
    const { number, account } = this.#token;
    return GRAVITY.indexOf(number.state) <= GRAVITY.indexOf(account.state) ? number : account;
  }

  get number(): { readonly about: GraphNumber; readonly checkedAt: string } | undefined {
    return this.#number && { about: this.#number.about, checkedAt: isoTime(this.#number.at) };
  }
}

export const isoTime = (epochMs: number): string => new Date(epochMs).toISOString();

/** What a refusal says of the token. Source: docs/onprem/cloud-migration.md §17.6. */
function verdictOf(error: GraphError, probe: Probe | undefined): Verdict | undefined {
  const { code, error_subcode } = error;
  const detail = detailsOf(error).slice(0, DETAIL_LENGTH);
  if (code === 190) return { state: 'Refused', detail };
  if (probe === undefined) return undefined;
  if (code === 10 || (code >= 200 && code <= 299)) return { state: 'PermissionMissing', detail };
  if (code === UNKNOWN_OBJECT || (code === 100 && error_subcode === UNKNOWN_OBJECT))
    return { state: 'WrongAccount', detail };
  return undefined;
}
