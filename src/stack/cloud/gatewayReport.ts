import type { GatewayStatus } from '../../cloud/gatewayStatus.ts';
import type { CloudSender } from './cloudSender.ts';
import type { CloudState } from './cloudState.ts';
import type { GraphWatch } from './graphWatch.ts';
import type { Subscription } from './subscription.ts';

export interface GatewayParts {
  readonly graphVersion: string;
  readonly watch: GraphWatch;
  readonly subscription: Pick<Subscription, 'status'>;
  readonly sender: Pick<CloudSender, 'holds' | 'throughput'>;
  readonly state: Pick<CloudState, 'queued'>;
}

/** `status` of a number of which Graph does not tell it. */
const UNTOLD = 'UNKNOWN';
/** The longest texts of the shape. */
const LONGEST = { short: 64, number: 20, name: 256, holds: 16 } as const;

/** What a gateway tells of itself. */
export function gatewayReport(parts: GatewayParts): GatewayStatus {
  const { graphVersion, watch, subscription, sender, state } = parts;
  const { number } = watch;
  const queued = [...state.queued.values()];
  return {
    graph: { version: graphVersion, ...watch.graph },
    ...(number ? { number: aboutNumber(number, sender.throughput) } : {}),
    token: watch.token,
    subscription: subscription.status,
    sending: {
      holds: sender.holds.reasons.slice(0, LONGEST.holds),
      waiting: queued.length,
      unknownOutcome: queued.filter(({ postingAt }) => postingAt !== undefined).length,
    },
  };
}

function aboutNumber(
  { about, checkedAt }: NonNullable<GraphWatch['number']>,
  throughput: number,
): NonNullable<GatewayStatus['number']> {
  const { status = UNTOLD, number, verifiedName, nameStatus, quality } = about;
  return {
    status: status.slice(0, LONGEST.short),
    number: number.slice(0, LONGEST.number),
    verifiedName: verifiedName.slice(0, LONGEST.name),
    ...(nameStatus === undefined ? {} : { nameStatus: nameStatus.slice(0, LONGEST.short) }),
    ...(quality === undefined ? {} : { quality: quality.slice(0, LONGEST.short) }),
    throughput,
    checkedAt,
  };
}
