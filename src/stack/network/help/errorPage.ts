import {
  type AsynchronousErrorCode,
  asynchronousErrors,
  type ErrorCode,
  errorCatalogue,
  isErrorCode,
} from '../../../onprem/errorCatalogue.ts';
import { errorGuide } from '../../../onprem/errorGuide.ts';
import { failureCode } from '../failureCode.ts';

type Code = ErrorCode | AsynchronousErrorCode;

/** What is known of a code. */
export interface ErrorHelp {
  readonly code: number;
  readonly title: string;
  readonly cause: string;
  readonly cure: string;
  /** Where the real product says it, and with which status. */
  readonly where: readonly string[];
  /** How to make it happen: what to do, and calls of the control API. */
  readonly triggers: readonly string[];
}

const isAsynchronous = (code: number): code is AsynchronousErrorCode => code in asynchronousErrors;
const isKnown = (code: number): code is Code => isErrorCode(code) || isAsynchronous(code);

/** All codes, in their order. */
export const errorCodes = (): number[] => Object.keys(errorGuide).map(Number);

/** Undefined for a code that the API does not use. */
export function errorHelp(code: number): ErrorHelp | undefined {
  if (!isKnown(code)) return undefined;
  const { cause, cure, trigger, messageType } = errorGuide[code];
  const inAnswer = isErrorCode(code) ? errorCatalogue[code] : undefined;
  const where: string[] = [];
  const triggers: string[] = trigger === undefined ? [] : [trigger];
  if (inAnswer) {
    const retry = inAnswer.retriable ? '; the same call may succeed later' : '';
    where.push(`In the answer of a call, with HTTP ${inAnswer.httpStatus}${retry}.`);
    const fault = { method: 'POST', path: '/v1/messages', type: messageType, code, times: 1 };
    triggers.push(`POST /control/v1/api-faults ${JSON.stringify(fault)}`);
  }
  if (isAsynchronous(code)) {
    where.push('At the webhook, in statuses[].errors or errors, after the message was accepted.');
    if (failureCode.safeParse(code).success)
      triggers.push(`PUT /control/v1/people/16505551234 {"failsWith":${code}}`);
  }
  const title = inAnswer?.title ?? asynchronousErrors[code as AsynchronousErrorCode];
  return { code, title, cause, cure, where, triggers };
}

const STYLE =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}code{overflow-wrap:anywhere}:root{color-scheme:light dark}';

const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

const pageOf = (title: string, body: string): string =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(title)}</title><style>${STYLE}</style></head><body>${body}</body></html>`;

const listOf = (items: readonly string[]): string =>
  `<ul>${items.map((item) => `<li>${/^(POST|PUT) /.test(item) ? `<code>${escaped(item)}</code>` : escaped(item)}</li>`).join('')}</ul>`;

/** The page of one code. */
export function errorPage({ code, title, cause, cure, where, triggers }: ErrorHelp): string {
  const parts = [
    `<p><a href="/errors">All errors</a></p><h1>${code} ${escaped(title)}</h1>`,
    `<h2>Cause</h2><p>${escaped(cause)}</p><h2>What to do</h2><p>${escaped(cure)}</p>`,
    `<h2>In the real product</h2>${listOf(where)}<h2>To make it happen here</h2>${listOf(triggers)}`,
  ];
  return pageOf(`${code} ${title}`, parts.join(''));
}

/** All codes with their titles. */
export function errorIndex(): string {
  const links = errorCodes().map(
    (code) => `<li><a href="/errors/${code}">${code} ${escaped(errorHelp(code)?.title ?? '')}</a></li>`,
  );
  return pageOf('Errors', `<h1>Errors</h1><ul>${links.join('')}</ul>`);
}
