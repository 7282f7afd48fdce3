import { z } from 'zod';

/** A message template of a business, as it was reviewed. */
export const templateEntry = z.strictObject({
  namespace: z.string().min(1).max(256),
  name: z.string().min(1).max(512),
  language: z.string().min(2).max(10),
  status: z.enum(['approved', 'rejected', 'paused', 'disabled']).default('approved'),
  /** Number of variables of the body, if it is to be checked. */
  bodyParameters: z.number().int().min(0).max(100).optional(),
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
  if (entry.bodyParameters !== undefined && entry.bodyParameters !== body.length)
    return {
      code: 2000,
      details: `${body.length} parameters; the body of ${name} has ${entry.bodyParameters}`,
    };
  return undefined;
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
