import type { CallbackRecord } from '../../../callbackLog.ts';
import { badge } from '../inspect/recordTools.ts';
import { hint } from '../shell/controls.ts';
import { element } from '../shell/element.ts';
import { duration, exactTime } from '../shell/time.ts';

type Attempt = CallbackRecord['attempts'][number];

/** What the receiver answered to each attempt, and when the next one is. */
export function attemptList({ attempts, state, nextAttemptAt }: CallbackRecord): HTMLElement {
  const next =
    state === 'waiting' && nextAttemptAt !== undefined
      ? hint(`The next attempt is due at ${exactTime(nextAttemptAt)}.`)
      : undefined;
  if (attempts.length === 0)
    return hint('It was not posted yet. Without a webhook URL in the settings, callbacks wait.');
  return element('div', {}, element('ol', { className: 'attempts' }, ...attempts.map(attemptLine)), next);
}

function attemptLine({ at, url, durationMs, status, problem, answer }: Attempt): HTMLElement {
  const isGood = problem === undefined;
  return element(
    'li',
    {},
    badge(status === undefined ? 'no answer' : String(status), isGood ? 'good' : 'bad'),
    element('time', { textContent: exactTime(at), dateTime: new Date(at).toISOString() }),
    element('span', { className: 'took', textContent: duration(durationMs) }),
    element('span', { className: 'url', textContent: url }),
    !isGood && status === undefined && element('p', { className: 'problem', textContent: problem }),
    !!answer && element('pre', { className: 'answer', textContent: answer }),
  );
}
