/** The client of the On-Premises API on its own: `import { StackClient } from 'waba-operator/client'`. */

export { systemClock } from '../base/clock.ts';
export type { MessageToSend } from '../onprem/messages.ts';
export type { Callback } from '../onprem/webhook.ts';
export type { Caller, Session } from './calls.ts';
export { LoginCache } from './loginCache.ts';
export { RETRY_DEFAULTS, RetryingTransport, type RetryOptions } from './retryingTransport.ts';
export { StackClient } from './stackClient.ts';
export { isUnauthorised, StackError, StackUnreachable } from './stackError.ts';
export {
  type HttpsStackOptions,
  HttpsStackTransport,
  STACK_TRANSPORT_DEFAULTS,
  type StackRequest,
  type StackResponse,
  type StackTransport,
} from './stackTransport.ts';
