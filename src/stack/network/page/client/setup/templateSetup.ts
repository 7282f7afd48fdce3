import { inline } from '../content/richText.ts';
import { inlineNodes, textNodes } from '../content/textNodes.ts';
import { badge } from '../inspect/recordTools.ts';
import type { Model, Template } from '../model.ts';
import { call } from '../shell/call.ts';
import { button, emptyState } from '../shell/controls.ts';
import { openForm, textOf } from '../shell/dialog.ts';
import { element } from '../shell/element.ts';
import { choice, field, fieldRow, labelled } from '../shell/field.ts';
import { guarded } from '../shell/notices.ts';
import { filledIn, numberOf } from './formValues.ts';
import { type SetupSection, setupSection } from './setupSection.ts';

const STATUSES = (['approved', 'rejected', 'paused', 'disabled'] as const).map(
  (status) => [status, status] as const,
);

/** The reviewed templates of the chosen number. */
export const templateSetup = (model: Model): SetupSection => {
  const save = (templates: readonly unknown[]) =>
    call('PUT /numbers/{number}/templates', { params: model.ofNumber, body: templates });
  return setupSection({
    title: 'Templates',
    icon: 'document',
    isOfNumber: true,
    about:
      'Templates that WhatsApp has reviewed for this number. While there is none, every template is accepted. With their text, chats show what people read.',
    load: async () => model.templates,
    draw: (templates) => [
      element(
        'div',
        { className: 'actions' },
        button(
          'Add template',
          () => askTemplate(undefined, (entry) => save([...templates, entry])),
          'attach',
        ),
      ),
      templates.length === 0
        ? emptyState(
            'document',
            'Every template is accepted',
            'Add the templates of your account to have names, languages and variables checked as WhatsApp does.',
          )
        : element(
            'ul',
            { className: 'cards' },
            ...templates.map((entry, index) =>
              card(entry, {
                onEdit: () =>
                  askTemplate(entry, (changed) => save(templates.with(index, changed as Template))),
                onDelete: guarded(() => save(templates.toSpliced(index, 1))),
              }),
            ),
          ),
    ],
  });
};

function card(
  entry: Template,
  { onEdit, onDelete }: { readonly onEdit: () => unknown; readonly onDelete: () => unknown },
): HTMLElement {
  const { name, namespace, language, status, header, body, footer, buttons = [] } = entry;
  return element(
    'li',
    { className: 'card' },
    element(
      'header',
      {},
      element('h3', { textContent: name }),
      badge(status, status === 'approved' ? 'good' : 'bad'),
    ),
    element('p', { className: 'hint', textContent: `${namespace}, ${language}` }),
    body !== undefined &&
      element(
        'div',
        { className: 'preview bubble' },
        header !== undefined && element('strong', { className: 'heading' }, ...inlineNodes(inline(header))),
        textNodes(body),
        footer !== undefined && element('small', { className: 'footer', textContent: footer }),
        ...buttons.map((label) => element('span', { className: 'preview-button', textContent: label })),
      ),
    element('div', { className: 'actions' }, button('Edit', onEdit), button('Delete', onDelete, 'trash')),
  );
}

function askTemplate(entry: Template | undefined, save: (entry: unknown) => unknown): void {
  const {
    namespace = '',
    name = '',
    language = 'en',
    status = 'approved',
    bodyParameters,
    ...words
  } = entry ?? ({} as Partial<Template>);
  openForm(
    {
      title: entry ? `Template ${name}` : 'New template',
      submit: entry ? 'Save' : 'Add',
      onSubmit: (fields) => save(templateOf(fields)),
    },
    fieldRow(
      field('Name', { name: 'name', value: name, required: true, placeholder: 'order_update' }),
      field('Language', { name: 'language', value: language, required: true, size: 6 }),
    ),
    fieldRow(
      field('Namespace', { name: 'namespace', value: namespace, required: true }),
      choice('Status', 'status', STATUSES, status),
    ),
    field('Header', { name: 'header', value: words.header ?? '', maxLength: 60 }),
    labelled(
      'Body',
      element('textarea', { name: 'body', rows: 4, maxLength: 1024, value: words.body ?? '' }),
      'Variables are {{1}}, {{2}}, …',
    ),
    field('Footer', { name: 'footer', value: words.footer ?? '', maxLength: 60 }),
    field('Buttons', {
      name: 'buttons',
      value: (words.buttons ?? []).join(', '),
      hint: 'Labels, with commas between them',
    }),
    field('Variables of the body', {
      name: 'bodyParameters',
      type: 'number',
      min: '0',
      value: String(bodyParameters ?? ''),
      hint: 'Empty: as many as the text has',
    }),
  );
}

function templateOf(fields: FormData): Record<string, unknown> {
  const text = (name: string) => textOf(fields, name);
  const buttons = text('buttons')
    .split(',')
    .map((label) => label.trim())
    .filter(Boolean);
  return filledIn({
    namespace: text('namespace'),
    name: text('name'),
    language: text('language'),
    status: text('status'),
    header: text('header'),
    body: text('body'),
    footer: text('footer'),
    buttons: buttons.length > 0 ? buttons : undefined,
    bodyParameters: numberOf(fields, 'bodyParameters'),
  });
}
