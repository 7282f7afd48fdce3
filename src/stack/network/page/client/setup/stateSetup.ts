import { call } from '../shell/call.ts';
import { button, emptyState } from '../shell/controls.ts';
import { openForm, textOf } from '../shell/dialog.ts';
import { element } from '../shell/element.ts';
import { field } from '../shell/field.ts';
import { guarded, notice } from '../shell/notices.ts';
import { setupSection } from './setupSection.ts';

/** The simulation as a whole: kept under a name, brought back, or as at the start. */
export const stateSetup = setupSection({
  title: 'Snapshots',
  icon: 'camera',
  isOfNumber: false,
  about:
    'Keeps people, chats, faults, templates and catalogs as they are now, and brings them back. A reset leads to the state after the start. Registration, PIN and clock stay.',
  load: async () => (await call('GET /snapshots')).snapshots,
  draw: (snapshots) => [
    element(
      'div',
      { className: 'actions' },
      button('Take snapshot', askName, 'camera'),
      button('Reset everything…', askReset, 'trash'),
    ),
    snapshots.length === 0
      ? emptyState(
          'camera',
          'No snapshots',
          'Take one before you try something out. Snapshots are kept in memory.',
        )
      : element('ul', { className: 'rows' }, ...snapshots.map(snapshotRow)),
  ],
});

const snapshotRow = (name: string): HTMLElement =>
  element(
    'li',
    {},
    element('strong', { className: 'grow', textContent: name }),
    button(
      'Restore',
      guarded(async () => {
        await call('POST /snapshots/{name}/restore', { params: { name }, body: {} });
        notice(`Everything is as in ${name}`);
      }),
    ),
    button(
      'Delete',
      guarded(() => call('DELETE /snapshots/{name}', { params: { name } })),
    ),
  );

const askName = (): void =>
  openForm(
    {
      title: 'New snapshot',
      submit: 'Take snapshot',
      onSubmit: (fields) =>
        call('PUT /snapshots/{name}', { params: { name: textOf(fields, 'name') }, body: {} }),
    },
    field('Name', {
      name: 'name',
      required: true,
      pattern: '[A-Za-z0-9._\\-]{1,64}',
      hint: 'Letters, digits, dots and dashes',
    }),
  );

const askReset = (): void =>
  openForm(
    {
      title: 'Reset everything?',
      submit: 'Reset',
      onSubmit: async () => {
        await call('POST /reset', { body: {} });
        notice('Everything is as after the start');
      },
    },
    element('p', {
      textContent:
        'People, chats, faults, templates, catalogs and logs go. What the start has set is there again.',
    }),
  );
