import * as z from 'zod';
import { mediaObjects } from './messageContent.ts';
import { refuse } from './refusalIssue.ts';

/** Templates and their deprecated predecessor `hsm`. Source: docs/onprem/api-messaging.md §2.7, §2.8. */

/** Whether a message of this type is a template, by either name. */
export const isTemplate = (type: string): boolean => type === 'template' || type === 'hsm';

const HEADER_TEXT = 60;
/** With other components, and for a template that has a body only. */
const BODY_TEXT = { beside: 1024, alone: 32_768 } as const;

const language = z.object({
  // `fallback` was removed in v2.27.8, which the version of the client decides.
  policy: z.enum(['deterministic', 'fallback']),
  code: z.string().regex(/^[a-z]{2,3}(_[A-Za-z0-9]{2,5})?$/, 'must be a language or locale, en or en_US'),
});
const integer = z.coerce.number().int();

const parameter = z
  .object({
    type: z.enum(['text', 'currency', 'date_time', 'image', 'video', 'document', 'payload', 'action']),
    text: z.string().optional(),
    payload: z.string().max(256).optional(),
    currency: z
      .object({ fallback_value: z.string(), code: z.string().length(3), amount_1000: integer })
      .optional(),
    date_time: z
      .object({
        fallback_value: z.string(),
        day_of_week: integer.min(1).max(7).optional(),
        day_of_month: integer.min(1).max(31).optional(),
        year: integer.optional(),
        month: integer.min(1).max(12).optional(),
        hour: integer.min(0).max(23).optional(),
        minute: integer.min(0).max(59).optional(),
        calendar: z.enum(['GREGORIAN', 'SOLAR_HIJRI']).optional(),
        timestamp: integer.optional(),
      })
      .optional(),
    image: mediaObjects.image.optional(),
    video: mediaObjects.video.optional(),
    document: mediaObjects.document.optional(),
    action: z.record(z.string(), z.unknown()).optional(),
  })
  .superRefine((value, context) => {
    if (value[value.type] === undefined)
      refuse(context, 2012, `a parameter of type ${value.type} needs ${value.type}`, [value.type]);
  });

const component = z
  .object({
    type: z
      .string()
      .transform((type) => type.toLowerCase())
      .pipe(z.enum(['header', 'body', 'footer', 'button'])),
    sub_type: z
      .string()
      .transform((type) => type.toLowerCase())
      .pipe(z.enum(['quick_reply', 'url', 'catalog', 'flow', 'copy_code', 'mpm']))
      .optional(),
    index: z.coerce.number().int().min(0).max(9).optional(),
    parameters: z.array(parameter).optional(),
  })
  .superRefine(({ type, sub_type, index }, context) => {
    if (type !== 'button') return;
    if (sub_type === undefined) refuse(context, 1008, 'sub_type is required for a button', ['sub_type']);
    if (index === undefined) refuse(context, 1008, 'index is required for a button', ['index']);
  });

export const template = z
  .object({
    namespace: z.string().min(1),
    name: z.string().min(1).max(512),
    language,
    components: z.array(component).optional(),
  })
  .superRefine(({ components = [] }, context) => {
    const isAlone = components.every(({ type }) => type === 'body');
    components.forEach(({ type, parameters = [] }, index) => {
      const limit = type === 'header' ? HEADER_TEXT : isAlone ? BODY_TEXT.alone : BODY_TEXT.beside;
      parameters.forEach(({ text = '' }, position) => {
        const path = ['components', index, 'parameters', position, 'text'];
        if (text.length > limit) refuse(context, 2004, `longer than ${limit} characters`, path);
        // A parameter must not change the layout that WhatsApp reviewed.
        if (type === 'body' && /[\n\t]| {5,}/.test(text))
          refuse(context, 2006, 'no line breaks, tabs or more than four spaces in a row', path);
      });
    });
  });

/** Removed in v2.39; still accepted, so that old clients work. */
export const hsm = z.object({
  namespace: z.string().min(1),
  element_name: z.string().min(1),
  language: language.optional(),
  localizable_params: z
    .array(
      z.looseObject({
        default: z.string(),
        currency: z.object({ currency_code: z.string().length(3), amount_1000: integer }).optional(),
        date_time: z.record(z.string(), z.unknown()).optional(),
      }),
    )
    .optional(),
});
