import type { Model } from '../model.ts';
import { CONTROL_BASE, call } from '../shell/call.ts';
import { button, hint } from '../shell/controls.ts';
import { element } from '../shell/element.ts';
import { labelled } from '../shell/field.ts';
import { guarded, notice } from '../shell/notices.ts';
import { type SetupSection, setupSection } from './setupSection.ts';

/** Records callbacks as a fixture, and posts a fixture again. */
export const recordingSetup = (model: Model): SetupSection =>
  setupSection({
    title: 'Record and replay',
    icon: 'webhook',
    isOfNumber: true,
    about:
      'Records the callbacks that your webhook answers with 200, as a file for tests; and posts such a file to the webhook, each callback at its time.',
    load: () => call('GET /numbers/{number}/recording', { params: model.ofNumber }),
    draw: ({ isOn, callbacks }) => [
      element(
        'div',
        { className: 'card stack' },
        element('p', { className: 'figure', textContent: `${callbacks.length} recorded` }),
        hint(isOn ? 'Recording now.' : 'Not recording.'),
        element(
          'div',
          { className: 'actions' },
          button(
            isOn ? 'Stop recording' : 'Start recording',
            guarded(() =>
              call('PUT /numbers/{number}/recording', { params: model.ofNumber, body: { isOn: !isOn } }),
            ),
          ),
          callbacks.length > 0 &&
            element('a', {
              className: 'button',
              href: `${CONTROL_BASE}/numbers/${model.number}/recording?download`,
              textContent: 'Download fixture',
            }),
        ),
      ),
      element('div', { className: 'card stack' }, replayInput(model)),
    ],
  });

function replayInput(model: Model): HTMLElement {
  const input: HTMLInputElement = element('input', {
    type: 'file',
    accept: 'application/json',
    onchange: guarded(async () => {
      const text = await input.files?.[0]?.text();
      if (text === undefined) return;
      const fixture: unknown = JSON.parse(text);
      const { posted } = await call('POST /numbers/{number}/replay', {
        params: model.ofNumber,
        body: fixture,
      });
      input.value = '';
      notice(`${posted} callbacks were posted`);
    }),
  });
  return labelled('Replay a fixture', input, 'Posts each callback at its time since the beginning');
}
