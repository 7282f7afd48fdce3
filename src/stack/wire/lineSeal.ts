import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';

/** How far clocks may be apart, and for how long a line may be delivered. Source: docs/onprem/deployment.md §0.15. */
export const REPLAY_WINDOW_MS = 10_000;

const PARTS = { nonce: 12, time: 8, tag: 16 } as const;
const HEAD = PARTS.nonce + PARTS.time;

/**
 * Encrypts the links between Webapps, Coreapps and Masters with `WA_SECRET`. A line is valid once, and only for
 * seconds, so that a recorded line can't be replayed. The format is our own.
 */
export class LineSeal {
  readonly #key: Buffer;
  readonly #clock: Clock;
  /** Nonces of received lines with the time when each may be forgotten, oldest first. */
  readonly #seen = new Map<string, number>();

  constructor(secret: string, clock: Clock) {
    this.#key = Buffer.from(hkdfSync('sha256', secret, '', 'waba-emulator node protocol', 32));
    this.#clock = clock;
  }

  seal(text: string): string {
    const head = Buffer.alloc(HEAD);
    randomBytes(PARTS.nonce).copy(head);
    head.writeDoubleBE(this.#clock.now(), PARTS.nonce);
    const cipher = createCipheriv('aes-256-gcm', this.#key, head.subarray(0, PARTS.nonce));
    cipher.setAAD(head.subarray(PARTS.nonce));
    const content = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([head, cipher.getAuthTag(), content]).toString('base64');
  }

  /** @throws CodedError `WrongSecret`, `ClocksApart`, `Replayed` */
  open(line: string): string {
    const bytes = Buffer.from(line, 'base64');
    const text = this.#decrypt(bytes);
    const apartMs = Math.abs(this.#clock.now() - bytes.readDoubleBE(PARTS.nonce));
    if (apartMs > REPLAY_WINDOW_MS)
      throw new CodedError(
        'ClocksApart',
        `the clocks of the two processes differ by ${Math.round(apartMs / 1000)} s; links with WA_SECRET allow ${REPLAY_WINDOW_MS / 1000} s`,
      );
    this.#remember(bytes.toString('base64', 0, PARTS.nonce));
    return text;
  }

  #decrypt(bytes: Buffer): string {
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, PARTS.nonce));
      decipher.setAAD(bytes.subarray(PARTS.nonce, HEAD));
      decipher.setAuthTag(bytes.subarray(HEAD, HEAD + PARTS.tag));
      return decipher.update(bytes.subarray(HEAD + PARTS.tag), undefined, 'utf8') + decipher.final('utf8');
    } catch (cause) {
      throw new CodedError(
        'WrongSecret',
        'the peer has another WA_SECRET, or none; set the same value on Webapps, Coreapps and Masters',
        { cause },
      );
    }
  }

  #remember(nonce: string): void {
    const now = this.#clock.now();
    for (const [known, untilMs] of this.#seen) {
      if (untilMs > now) break;
      this.#seen.delete(known);
    }
    if (this.#seen.has(nonce))
      throw new CodedError('Replayed', 'the line was received before; it may be a replay');
    // A line from a sender whose clock is ahead is valid for up to twice the window.
    this.#seen.set(nonce, now + 2 * REPLAY_WINDOW_MS);
  }
}

/** Undefined without a secret: then the link is not encrypted, as with the real product. */
export const lineSeal = (secret: string, clock: Clock): LineSeal | undefined =>
  secret === '' ? undefined : new LineSeal(secret, clock);
