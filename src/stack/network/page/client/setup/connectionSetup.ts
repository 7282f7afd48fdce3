import type { Model } from '../model.ts';
import { call } from '../shell/call.ts';
import { button } from '../shell/controls.ts';
import { element } from '../shell/element.ts';
import { field, fieldRow } from '../shell/field.ts';
import { guarded, notice } from '../shell/notices.ts';
import { filledIn, numberOf, percentOf, savingForm, shareOf } from './formValues.ts';
import { type SetupSection, setupSection } from './setupSection.ts';

const percent = (label: string, name: string, share: number | undefined, hint: string) =>
  field(label, { name, type: 'number', min: '0', max: '100', step: 'any', value: percentOf(share), hint });

/** Faults between the stack and WhatsApp. */
export const connectionSetup = (model: Model): SetupSection =>
  setupSection({
    title: 'Connection',
    icon: 'link',
    isOfNumber: true,
    about: 'Faults between the stack and WhatsApp, for messages of this number that the API has accepted.',
    load: async () => (await call('GET /numbers/{number}/faults', { params: model.ofNumber })).faults,
    draw: ({ latencyMs, cutShare, lossShare, failsWith, failShare }) => [
      savingForm(
        (fields) =>
          call('PUT /numbers/{number}/faults', {
            params: model.ofNumber,
            body: filledIn({
              latencyMs: numberOf(fields, 'latencyMs'),
              cutShare: shareOf(fields, 'cutShare'),
              lossShare: shareOf(fields, 'lossShare'),
              failsWith: numberOf(fields, 'failsWith'),
              failShare: shareOf(fields, 'failShare'),
            }),
          }),
        field('Delay of each message (ms)', {
          name: 'latencyMs',
          type: 'number',
          min: '0',
          max: '60000',
          value: String(latencyMs ?? ''),
        }),
        fieldRow(
          percent(
            'Cut off (%)',
            'cutShare',
            cutShare,
            'Accepted, but the connection breaks before the answer',
          ),
          percent('Lost (%)', 'lossShare', lossShare, 'Accepted, and never heard of again'),
        ),
        fieldRow(
          field('Fail with code', {
            name: 'failsWith',
            type: 'number',
            min: '0',
            value: String(failsWith ?? ''),
            hint: 'Empty: none fails',
          }),
          percent('Of these messages (%)', 'failShare', failShare, 'Empty: all of them'),
        ),
      ),
      element(
        'div',
        { className: 'actions' },
        button(
          'End all faults',
          guarded(async () => {
            await call('PUT /numbers/{number}/faults', { params: model.ofNumber, body: {} });
            // Right after a save, the form would not be drawn anew: nothing differs from what it showed before.
            document.querySelector<HTMLFormElement>('#setup form')?.reset();
            notice('The connection is good again');
          }),
        ),
      ),
    ],
  });
