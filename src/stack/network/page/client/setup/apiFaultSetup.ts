import { badge } from '../inspect/recordTools.ts';
import { type Answer, call } from '../shell/call.ts';
import { button, emptyState, iconButton } from '../shell/controls.ts';
import { openForm, textOf } from '../shell/dialog.ts';
import { element } from '../shell/element.ts';
import { choice, field, fieldRow } from '../shell/field.ts';
import { guarded } from '../shell/notices.ts';
import { filledIn, numberOf, shareOf } from './formValues.ts';
import { setupSection } from './setupSection.ts';

type KnownFault = Answer<'GET /api-faults'>['faults'][number];

const METHODS = [
  ['', 'Any'],
  ...['GET', 'POST', 'PUT', 'PATCH', 'DELETE'].map((name) => [name, name] as const),
] as const;
const CUTS = [
  ['', 'No'],
  ['before', 'before the call has an effect'],
  ['after', 'after the effect, before the answer'],
] as const;

/** Faults of calls of the API. */
export const apiFaultSetup = setupSection({
  title: 'API faults',
  icon: 'code',
  isOfNumber: false,
  about:
    'What goes wrong with calls of the API: errors, delays, broken connections. The first fault that matches a call applies.',
  load: async () => (await call('GET /api-faults')).faults,
  draw: (faults) => [
    element(
      'div',
      { className: 'actions' },
      button('Add fault', askFault, 'attach'),
      ...(faults.length > 0
        ? [
            button(
              'End all faults',
              guarded(() => call('PUT /api-faults', { body: [] })),
            ),
          ]
        : []),
    ),
    faults.length === 0
      ? emptyState(
          'check',
          'No faults',
          'Add one to see how your application takes an overloaded API: for example 1016 for the next three calls of POST /v1/messages.',
        )
      : element('ul', { className: 'rows' }, ...faults.map(faultRow)),
  ],
});

const faultRow = (fault: KnownFault): HTMLElement =>
  element(
    'li',
    {},
    element('code', { textContent: `${fault.method ?? '*'} ${fault.path}` }),
    element('span', { className: 'grow', textContent: describeFault(fault) }),
    badge(`${fault.met} met`, fault.met > 0 ? 'warn' : 'quiet'),
    iconButton(
      'trash',
      `End the fault of ${fault.path}`,
      guarded(() => call('DELETE /api-faults/{id}', { params: { id: fault.id } })),
    ),
  );

function describeFault({ code, status, cut, delayMs, share, times, every, to, type }: KnownFault): string {
  return [
    code !== undefined && `error ${code}`,
    status !== undefined && `status ${status}`,
    cut !== undefined && `cut ${cut} the effect`,
    delayMs > 0 && `${delayMs} ms late`,
    to !== undefined && `to ${to}`,
    type !== undefined && `of type ${type}`,
    every !== undefined && `every ${every}. call`,
    share < 1 && `${share * 100} % of the calls`,
    times !== undefined && `${times} times`,
  ]
    .filter(Boolean)
    .join(', ');
}

const askFault = (): void =>
  openForm(
    {
      title: 'New fault of the API',
      submit: 'Add',
      onSubmit: (fields) => call('POST /api-faults', { body: faultOf(fields) }),
    },
    fieldRow(
      choice('Method', 'method', METHODS),
      field('Path', { name: 'path', required: true, value: '/v1/messages', hint: '* stands for any text' }),
    ),
    fieldRow(
      field('To', { name: 'to', placeholder: 'anybody' }),
      field('Type', { name: 'type', placeholder: 'any' }),
    ),
    fieldRow(
      field('Error code', {
        name: 'code',
        type: 'number',
        placeholder: '1016',
        hint: 'Of the error catalogue',
      }),
      field('Or HTTP status', {
        name: 'status',
        type: 'number',
        min: '400',
        max: '599',
        hint: 'With a page, as of a gateway',
      }),
    ),
    choice('Or break the connection', 'cut', CUTS),
    fieldRow(
      field('Delay (ms)', { name: 'delayMs', type: 'number', min: '0' }),
      field('Times', { name: 'times', type: 'number', min: '1', placeholder: 'always' }),
    ),
    fieldRow(
      field('Every nth call', { name: 'every', type: 'number', min: '1', placeholder: '1' }),
      field('Share (%)', {
        name: 'share',
        type: 'number',
        min: '0',
        max: '100',
        step: 'any',
        placeholder: '100',
      }),
    ),
  );

const faultOf = (fields: FormData): Record<string, unknown> =>
  filledIn({
    method: textOf(fields, 'method'),
    path: textOf(fields, 'path'),
    to: textOf(fields, 'to'),
    type: textOf(fields, 'type'),
    code: numberOf(fields, 'code'),
    status: numberOf(fields, 'status'),
    cut: textOf(fields, 'cut'),
    delayMs: numberOf(fields, 'delayMs'),
    times: numberOf(fields, 'times'),
    every: numberOf(fields, 'every'),
    share: shareOf(fields, 'share'),
  });
