import { call } from '../shell/call.ts';
import { button, hint } from '../shell/controls.ts';
import { element } from '../shell/element.ts';
import { field } from '../shell/field.ts';
import { guarded, notice } from '../shell/notices.ts';
import { dateAndMinute, duration } from '../shell/time.ts';
import { numberOf } from './formValues.ts';
import { setupSection } from './setupSection.ts';

const HOUR_MS = 3_600_000;
const STEPS = [
  ['1 hour', HOUR_MS],
  ['25 hours', 25 * HOUR_MS],
  ['7 days', 7 * 24 * HOUR_MS],
] as const;

const advance = guarded(async (byMs: number) => {
  await call('POST /clock', { body: { advanceMs: byMs } });
  notice(`The clock is ${duration(byMs)} further`);
});

/** The time of the simulation. */
export const clockSetup = setupSection({
  title: 'Clock',
  icon: 'repeat',
  isOfNumber: false,
  about:
    'Moves the time of the stack forward: 24-hour windows close, delayed statuses come, tokens and certificates expire. It never goes back.',
  load: async () => {
    const { now, movedMs } = await call('GET /clock');
    // To the minute: otherwise it would be drawn anew with everything that happens.
    return { minute: Math.floor(Date.parse(now) / 60_000), movedMs };
  },
  draw: ({ minute, movedMs }) => {
    const form = element(
      'form',
      {
        className: 'field-row',
        onsubmit: (event: SubmitEvent) => {
          event.preventDefault();
          (document.activeElement as HTMLElement | null)?.blur();
          void advance((numberOf(new FormData(form), 'hours') ?? 0) * HOUR_MS);
        },
      },
      field('Hours', { name: 'hours', type: 'number', min: '0', step: 'any', required: true }),
      element('button', { className: 'aligned', textContent: 'Move forward' }),
    );
    return [
      element(
        'div',
        { className: 'card stack' },
        element('p', { className: 'figure', textContent: dateAndMinute(minute * 60_000) }),
        hint(movedMs === 0 ? 'The time of this machine.' : `${duration(movedMs)} ahead of this machine.`),
        element(
          'div',
          { className: 'actions' },
          ...STEPS.map(([label, byMs]) => button(`+${label}`, () => advance(byMs))),
        ),
        form,
      ),
    ];
  },
});
