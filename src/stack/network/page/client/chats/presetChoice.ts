import type { Behaviour } from '../../../behaviour.ts';
import { DEFAULT_BEHAVIOUR } from '../../../defaultBehaviour.ts';
import type { Person } from '../model.ts';
import { call } from '../shell/call.ts';
import { element } from '../shell/element.ts';
import { guarded } from '../shell/notices.ts';

const HOUR_MS = 3_600_000;

/** What differs from the default. */
const PRESETS: Readonly<Record<string, Partial<Behaviour>>> = {
  'Reads soon': {},
  'Never reads': { readAfterMs: null },
  'Phone is off': { deliverAfterMs: HOUR_MS },
  'Has blocked you': { blocks: true },
  'Not on WhatsApp': { hasWhatsApp: false },
};

/** The usual kinds of people, by one click. */
export function presetChoice({ waId, behaviour }: Person): HTMLElement {
  const buttons = Object.entries(PRESETS).map(([label, differs]) => {
    const wanted: Readonly<Record<string, unknown>> = { ...DEFAULT_BEHAVIOUR, ...differs };
    const isChosen = Object.entries(wanted).every(
      ([name, value]) => behaviour[name as keyof Behaviour] === value,
    );
    return element('button', {
      type: 'button',
      textContent: label,
      ariaPressed: String(isChosen),
      onclick: guarded(() => call('PUT /people/{waId}', { params: { waId }, body: wanted })),
    });
  });
  return element('div', { className: 'presets', role: 'group', ariaLabel: 'Kind of person' }, ...buttons);
}
