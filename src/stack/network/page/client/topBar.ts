import type { CallbackRecord } from '../../callbackLog.ts';
import type { Model } from './model.ts';
import { byId, element } from './shell/element.ts';
import { keyedList } from './shell/keyedList.ts';
import { duration } from './shell/time.ts';

/** The business number whose chats are shown, and what a number still waits for. */
export function showNumbers(model: Model, onChange: () => unknown): void {
  const select = byId('number', HTMLSelectElement);
  const { registered, numbers } = model;
  keyedList(select, registered, {
    keyOf: ({ number }) => number,
    draw: ({ number, vname }) => element('option', { value: number, textContent: `+${number} ${vname}` }),
  });
  select.hidden = registered.length === 0;
  select.value = model.number;
  select.onchange = () => {
    model.number = select.value;
    return onChange();
  };
  const waiting = numbers.find(({ code }) => code !== undefined);
  byId('number-state', HTMLElement).textContent = waiting
    ? `+${waiting.number} waits for its code: ${waiting.code}`
    : registered.length === 0
      ? 'No number is registered yet'
      : '';
}

/** By how much the clock was moved. */
export function showClock({ movedMs }: Model): void {
  const link = byId('clock-moved', HTMLElement);
  link.hidden = movedMs === 0;
  link.textContent = `+${duration(movedMs)}`;
  link.title = 'The time of the simulation is ahead of this machine';
}

/** How many callbacks the webhook has refused and not taken yet. */
export function showTrouble(callbacks: readonly CallbackRecord[]): void {
  const refused = callbacks.filter(
    ({ state, attempts }) => state === 'waiting' && attempts.length > 0,
  ).length;
  const count = byId('webhook-trouble', HTMLElement);
  count.hidden = refused === 0;
  count.textContent = String(refused);
  count.title = `${refused} callbacks that the webhook has refused, and that are tried again`;
}
