import * as z from 'zod';
import { mediaObjects } from './messageContent.ts';
import { refuse, refuseInside } from './refusalIssue.ts';

/** Lists, buttons, products, flows. Source: docs/onprem/api-messaging.md §2.9–2.11. */

const LIMITS = {
  headerText: 60,
  body: 1024,
  footer: 60,
  listButton: 20,
  sectionTitle: 24,
  sections: 10,
  rows: 10,
  rowId: 200,
  rowTitle: 24,
  rowDescription: 72,
  buttons: 3,
  buttonId: 256,
  buttonTitle: 20,
  products: 30,
  flowCta: 30,
} as const;

const shortText = (longest: number) => z.string().min(1).max(longest);

const header = z
  .object({
    type: z.enum(['text', 'image', 'video', 'document']),
    text: shortText(LIMITS.headerText).optional(),
    sub_text: shortText(LIMITS.headerText).optional(),
    image: mediaObjects.image.optional(),
    video: mediaObjects.video.optional(),
    document: mediaObjects.document.optional(),
  })
  .superRefine((value, context) => {
    if (value[value.type] === undefined)
      refuse(context, 2036, `a header of type ${value.type} needs ${value.type}`, [value.type]);
  });

const row = z.object({
  id: shortText(LIMITS.rowId),
  title: shortText(LIMITS.rowTitle),
  description: z.string().max(LIMITS.rowDescription).optional(),
});
const sectionTitle = shortText(LIMITS.sectionTitle).optional();
const button = z.object({
  type: z.literal('reply'),
  reply: z.object({
    id: shortText(LIMITS.buttonId).refine((id) => id.trim() === id, 'no leading or trailing spaces'),
    title: shortText(LIMITS.buttonTitle),
  }),
});

const productId = z.string().min(1);
/** The shape of `action` by the type of the interactive message. */
export const actions = {
  list: z
    .object({
      button: shortText(LIMITS.listButton),
      sections: z.array(z.object({ title: sectionTitle, rows: z.array(row).default([]) })),
    })
    .superRefine(({ sections }, context) => {
      checkSections(sections, context);
      const empty = sections.findIndex(({ rows }) => rows.length === 0);
      if (empty >= 0) refuse(context, 2016, 'a section needs at least one row', ['sections', empty, 'rows']);
      const count = sections.reduce((sum, { rows }) => sum + rows.length, 0);
      if (count > LIMITS.rows) refuse(context, 2016, `${count} rows; ${LIMITS.rows} are allowed in all`);
    }),
  button: z
    .object({ buttons: z.array(button).min(1).max(LIMITS.buttons) })
    .superRefine(({ buttons }, context) => {
      const titles = buttons.map(({ reply }) => reply.title);
      if (new Set(titles).size < titles.length)
        refuse(context, 1009, 'titles of buttons must differ', ['buttons']);
    }),
  product: z.object({ catalog_id: z.string().min(1), product_retailer_id: productId }),
  product_list: z
    .object({
      catalog_id: z.string().min(1),
      sections: z.array(
        z.object({
          title: sectionTitle,
          product_items: z.array(z.object({ product_retailer_id: productId })).default([]),
        }),
      ),
    })
    .superRefine(({ sections }, context) => {
      checkSections(sections, context);
      const count = sections.reduce((sum, { product_items: items }) => sum + items.length, 0);
      if (sections.some(({ product_items: items }) => items.length === 0) || count > LIMITS.products)
        refuse(context, 2023, `1 to ${LIMITS.products} products, and one in each section`, ['sections']);
    }),
  catalog_message: z.object({
    name: z.literal('catalog_message'),
    parameters: z.object({ thumbnail_product_retailer_id: productId.optional() }).optional(),
  }),
  location_request_message: z.object({ name: z.literal('send_location') }),
  flow: z.object({
    name: z.literal('flow'),
    parameters: z
      .object({
        flow_message_version: z.coerce.string(),
        flow_id: z.string().optional(),
        flow_name: z.string().optional(),
        flow_cta: shortText(LIMITS.flowCta),
        mode: z.enum(['draft', 'published']).optional(),
        flow_token: z.string().optional(),
        flow_action: z.enum(['navigate', 'data_exchange']).optional(),
        flow_action_payload: z.record(z.string(), z.unknown()).optional(),
      })
      .refine(
        ({ flow_id, flow_name }) => (flow_id === undefined) !== (flow_name === undefined),
        'exactly one of flow_id and flow_name is needed',
      ),
  }),
  address_message: z.object({
    name: z.literal('address_message'),
    parameters: z.looseObject({
      country: z.literal('IN'),
      values: z.record(z.string(), z.unknown()).optional(),
      saved_addresses: z.array(z.record(z.string(), z.unknown())).optional(),
      validation_errors: z.record(z.string(), z.string()).optional(),
    }),
  }),
  // Not documented for this product; pages shared with the cloud product name these two.
  order_details: z.looseObject({
    name: z.literal('review_and_pay'),
    parameters: z.record(z.string(), z.unknown()),
  }),
  order_status: z.looseObject({
    name: z.literal('review_order'),
    parameters: z.record(z.string(), z.unknown()),
  }),
} as const;
type InteractiveType = keyof typeof actions;

/** Whether an interactive message shows products of a catalogue. */
export const isProductMessage = ({ type }: { type?: unknown }): boolean =>
  type === 'product' || type === 'product_list' || type === 'catalog_message';

function checkSections(
  sections: readonly { title?: string | undefined }[],
  context: Parameters<typeof refuse>[0],
): void {
  if (sections.length < 1 || sections.length > LIMITS.sections)
    refuse(context, 2015, `1 to ${LIMITS.sections} sections`, ['sections']);
  const untitled = sections.findIndex(({ title }) => title === undefined);
  if (sections.length > 1 && untitled >= 0)
    refuse(context, 1008, 'title is required with more than one section', ['sections', untitled, 'title']);
}

/** Which headers a type may have: `product_list` must have one, `product` none. */
const HEADERS: Partial<Record<InteractiveType, readonly string[]>> = {
  list: ['text'],
  product_list: ['text'],
  product: [],
};

export const interactive = z
  .object({
    type: z.enum(Object.keys(actions) as [InteractiveType, ...InteractiveType[]]),
    header: header.optional(),
    body: z.object({ text: shortText(LIMITS.body) }).optional(),
    footer: z.object({ text: shortText(LIMITS.footer) }).optional(),
    action: z.record(z.string(), z.unknown()),
  })
  .superRefine(({ type, header: head, body, action }, context) => {
    if (body === undefined && type !== 'product') refuse(context, 1008, 'body is required', ['body']);
    const allowed = HEADERS[type];
    if (head && allowed && !allowed.includes(head.type))
      refuse(context, 2036, `${type} allows no header of type ${head.type}`, ['header']);
    if (!head && type === 'product_list') refuse(context, 1008, 'header is required', ['header']);
    const parsed = actions[type].safeParse(action);
    if (!parsed.success) refuseInside(context, parsed.error.issues, ['action']);
  });
