import * as z from 'zod';

const text = (longest: number) => z.string().min(1).max(longest).optional();

/** A message template of a business, as it was reviewed. */
export const templateEntry = z.strictObject({
  namespace: z.string().min(1).max(256),
  name: z.string().min(1).max(512),
  language: z.string().min(2).max(10),
  status: z.enum(['approved', 'rejected', 'paused', 'disabled']).default('approved'),
  /** Of the price of the Graph API; `authentication` needs the person's number there. */
  category: z.enum(['marketing', 'utility', 'authentication']).optional(),
  /** Number of variables of the body, if it is to be checked; by default those of `body`. */
  bodyParameters: z.number().int().min(0).max(100).optional(),
  /** What people read, with variables {{1}}, {{2}}, …: a business sends only their values. */
  header: text(60),
  body: text(1024),
  footer: text(60),
  /** Labels, in the order of their index. */
  buttons: z.array(z.string().min(1).max(25)).max(10).optional(),
});
export type TemplateEntry = z.output<typeof templateEntry>;

interface SentTemplate {
  readonly namespace: string;
  readonly name?: string;
  readonly element_name?: string;
  readonly language?: { readonly code: string };
  readonly components?: readonly { readonly type: string; readonly parameters?: readonly unknown[] }[];
  readonly localizable_params?: readonly unknown[];
}

/**
 * Why a template can't be sent: an error code and details; undefined if it can. Without known templates
 * every template counts as approved. Paused and disabled templates are accepted and fail later.
 */
export function templateProblem(
  sent: SentTemplate,
  catalogue: readonly TemplateEntry[],
): { code: number; details: string } | undefined {
  if (catalogue.length === 0) return undefined;
  const name = sent.name ?? sent.element_name ?? '';
  const language = sent.language?.code ?? '';
  if (!catalogue.some(({ namespace }) => namespace === sent.namespace))
    return { code: 1009, details: `template.namespace: ${sent.namespace} is not that of this account` };
  const entry = catalogue.find((known) => known.name === name && known.language === language);
  if (!entry) return { code: 2001, details: `template name (${name}) does not exist in ${language}` };
  if (entry.status === 'rejected') return { code: 2060, details: `template (${name}) was rejected` };
  const body =
    sent.components?.find(({ type }) => type === 'body')?.parameters ?? sent.localizable_params ?? [];
  const expected = entry.bodyParameters ?? variablesOf(entry.body);
  if (expected !== undefined && expected !== body.length)
    return { code: 2000, details: `${body.length} parameters; the body of ${name} has ${expected}` };
  return undefined;
}

/** How many variables a text has: the highest number among them. */
function variablesOf(words: string | undefined): number | undefined {
  if (words === undefined) return undefined;
  return Math.max(0, ...[...words.matchAll(/{{\s*(\d+)\s*}}/g)].map(([, position]) => Number(position)));
}

/** The code with which a template fails after it was accepted. */
export function laterFailure(
  sent: SentTemplate,
  catalogue: readonly TemplateEntry[],
): 2061 | 2062 | undefined {
  const name = sent.name ?? sent.element_name;
  const status = catalogue.find(
    (known) => known.name === name && known.language === sent.language?.code,
  )?.status;
  if (status === 'paused') return 2061;
  return status === 'disabled' ? 2062 : undefined;
}
