import type { z } from 'zod';

export interface CallShape {
  readonly request: z.ZodType;
  readonly response: z.ZodType;
}

/** What two processes of a stack may say to each other. Both sides validate with the same shapes. */
export interface Protocol {
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

  constructor(code: number, details?: string) {
    super(`${code}${details ? ` ${details}` : ''}`);
    this.name = 'Refusal';
    this.code = code;
    this.details = details;
  }
}

/** The peer can't be reached, or the connection was lost during a call. */
export class Unreachable extends Error {
  constructor(address: string, cause?: unknown) {
    super(`cannot reach ${address}`, cause === undefined ? undefined : { cause });
    this.name = 'Unreachable';
  }
}

export type Frame =
  | { readonly id: number; readonly call: string; readonly body: unknown }
  | { readonly id: number; readonly ok: true; readonly body: unknown }
  | { readonly id: number; readonly ok: false; readonly code: number; readonly details?: string | undefined }
  | { readonly event: string; readonly body: unknown };
