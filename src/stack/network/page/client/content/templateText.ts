import type { Template } from '../model.ts';

interface Parameter {
  readonly type?: string;
  readonly text?: string;
  readonly payload?: string;
  readonly currency?: { readonly fallback_value?: string };
  readonly date_time?: { readonly fallback_value?: string };
}
interface Component {
  readonly type: string;
  readonly sub_type?: string;
  readonly index?: number | string;
  readonly parameters?: readonly Parameter[];
}
/** A template as a business sends it, by either of its names. */
export interface SentTemplate {
  readonly name?: string;
  readonly element_name?: string;
  readonly namespace?: string;
  readonly language?: { readonly code?: string };
  readonly components?: readonly Component[];
  readonly localizable_params?: readonly { readonly default?: string }[];
}

export interface FilledTemplate {
  readonly name: string;
  readonly header?: string | undefined;
  readonly body: string;
  readonly footer?: string | undefined;
  /** `payload` is null for a quick reply that was sent without one. */
  readonly buttons: readonly {
    readonly text: string;
    readonly payload: string | null;
    readonly isReply: boolean;
  }[];
  /** Whether the text of the template is known, so that the person reads it as on a phone. */
  readonly isKnown: boolean;
}

/**
 * What a person reads. A business sends only the variables; the words around them are known to WhatsApp, and here to
 * whoever set the templates of the number.
 */
export function filledTemplate(sent: SentTemplate, templates: readonly Template[]): FilledTemplate {
  const name = sent.name ?? sent.element_name ?? '';
  const entry = templates.find(
    (known) => known.name === name && (!sent.language || known.language === sent.language.code),
  );
  const of = (type: string) =>
    sent.components?.find((component) => component.type === type)?.parameters ?? [];
  const old = sent.localizable_params?.map((parameter) => parameter.default ?? '');
  return {
    name,
    header: filled(entry?.header, of('header').map(wordsOf)),
    body: filled(entry?.body, old ?? of('body').map(wordsOf)) ?? '',
    footer: entry?.footer,
    buttons: buttonsOf(sent.components ?? [], entry?.buttons ?? []),
    isKnown: entry?.body !== undefined,
  };
}

/** Media of a header is shown as media. */
const wordsOf = ({ text, currency, date_time }: Parameter): string =>
  text ?? currency?.fallback_value ?? date_time?.fallback_value ?? '';

/** The text with {{1}}, {{2}}, … replaced; without a text, the values themselves. */
function filled(text: string | undefined, values: readonly string[]): string | undefined {
  if (text !== undefined)
    return text.replace(/{{\s*(\d+)\s*}}/g, (variable, position) => values[Number(position) - 1] ?? variable);
  const known = values.filter((value) => value !== '');
  return known.length === 0 ? undefined : known.join('\n');
}

/** Buttons of the template, and those that only the message names. */
function buttonsOf(components: readonly Component[], labels: readonly string[]): FilledTemplate['buttons'] {
  const sent = new Map(
    components.flatMap((component) =>
      component.type === 'button' ? [[Number(component.index ?? 0), component] as const] : [],
    ),
  );
  const count = Math.max(labels.length, ...[...sent.keys()].map((index) => index + 1));
  return Array.from({ length: Math.max(count, 0) }, (_, index) => {
    const payload = sent.get(index)?.parameters?.[0]?.payload ?? null;
    const isReply = (sent.get(index)?.sub_type ?? 'quick_reply') === 'quick_reply';
    return { text: labels[index] ?? payload ?? `Button ${index + 1}`, payload, isReply };
  });
}
