import type * as z from 'zod';

export interface CallShape {
  readonly request: z.ZodType;
  readonly response: z.ZodType;
}

/**
 * What two processes of a stack may say to each other. Both sides validate with the same shapes, which ignore unknown
 * fields: the peer may be of the next release, or of the one before.
 */
export interface Protocol {
  readonly name: string;
  /** Raised by one when a release says something that the release before does not understand. */
  readonly version: number;
  readonly calls: Readonly<Record<string, CallShape>>;
  /** Sent by the server unasked. */
  readonly events: Readonly<Record<string, z.ZodType>>;
}

export type CallName<P extends Protocol> = Extract<keyof P['calls'], string>;
export type EventName<P extends Protocol> = Extract<keyof P['events'], string>;
export type CallInput<P extends Protocol, N extends CallName<P>> = z.input<P['calls'][N]['request']>;
export type CallRequest<P extends Protocol, N extends CallName<P>> = z.output<P['calls'][N]['request']>;
export type CallResponse<P extends Protocol, N extends CallName<P>> = z.output<P['calls'][N]['response']>;
export type EventBody<P extends Protocol, N extends EventName<P>> = z.output<P['events'][N]>;

/** A refused call: an On-Premises error code and details. */
export class Refusal extends Error {
  readonly code: number;
  readonly details: string | undefined;
  /** The HTTP status, where it is not the usual one of the code. It does not cross the wire. */
  readonly status: number | undefined;

  constructor(code: number, details?: string, status?: number) {
    super(`${code}${details ? ` ${details}` : ''}`);
    this.name = 'Refusal';
    this.code = code;
    this.details = details;
    this.status = status;
  }
}

/** The peer can't be reached, or the connection was lost during a call. */
export class Unreachable extends Error {
  constructor(address: string, cause?: unknown) {
    super(`cannot reach ${address}`, cause === undefined ? undefined : { cause });
    this.name = 'Unreachable';
  }
}

/** The peer does not know the call: it is of an older release. Its caller does without, or refuses its own caller. */
export class UnknownCall extends Refusal {
  constructor(call: string) {
    super(1014, unknownCall(call));
    this.name = 'UnknownCall';
  }
}

/** The details by which a server refuses a call that it does not know. */
export const unknownCall = (call: string): string => `unknown call ${call}`;

/** The peer can be reached, but is of a release that is too far from this one. */
export class IncompatiblePeer extends Unreachable {
  constructor(address: string, mismatch: string) {
    super(address);
    this.message = `cannot talk to ${address}: ${mismatch}`;
    this.name = 'IncompatiblePeer';
  }
}

export type Frame =
  | { readonly hello: unknown }
  | { readonly id: number; readonly call: string; readonly body: unknown }
  | { readonly id: number; readonly ok: true; readonly body: unknown }
  | { readonly id: number; readonly ok: false; readonly code: number; readonly details?: string | undefined }
  | { readonly event: string; readonly body: unknown };
