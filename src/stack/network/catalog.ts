import * as z from 'zod';
import type { AsynchronousErrorCode } from '../../onprem/errorCatalogue.ts';
import { isProductMessage } from '../../onprem/interactiveMessage.ts';

/** The catalogue that a number is linked to. If none was set in the simulation, every product exists. */
export const catalog = z.strictObject({
  /** null: none is linked. */
  catalogId: z.string().min(1).max(64).nullable(),
  products: z
    .array(
      z.strictObject({
        retailerId: z.string().min(1).max(100),
        status: z.enum(['available', 'unavailable', 'non_compliant']).default('available'),
      }),
    )
    .max(100_000)
    .default([]),
});
export type Catalog = z.output<typeof catalog>;

interface ProductMessage {
  readonly type: string;
  readonly action: {
    readonly catalog_id?: string;
    readonly product_retailer_id?: string;
    readonly sections?: readonly { readonly product_items?: readonly { product_retailer_id: string }[] }[];
  };
}

type ProductProblem =
  | { readonly isWarning: false; readonly code: number; readonly details: string }
  | { readonly isWarning: true; readonly code: AsynchronousErrorCode; readonly details: string };

/**
 * What is wrong with the products of a message: an error code, or a warning that lets the other products through.
 * Source: docs/onprem/api-messaging.md §2.11, §11.
 */
export function productProblem(
  message: ProductMessage,
  linked: Catalog | undefined,
): ProductProblem | undefined {
  if (!linked || !isProductMessage(message)) return undefined;
  const { type, action } = message;
  const refused = (code: number, details: string) => ({ code, details, isWarning: false }) as const;
  if (linked.catalogId === null) return refused(2025, 'no catalog is linked to this number');
  if (type === 'catalog_message') return undefined;
  if (action.catalog_id !== linked.catalogId)
    return refused(2024, `there is no catalog ${action.catalog_id}`);
  const wanted =
    type === 'product'
      ? [action.product_retailer_id ?? '']
      : (action.sections ?? []).flatMap(({ product_items: items = [] }) =>
          items.map(({ product_retailer_id: id }) => id),
        );
  const statusOf = new Map(linked.products.map(({ retailerId, status }) => [retailerId, status]));
  const those = (...statuses: (string | undefined)[]) =>
    wanted.filter((id) => statuses.includes(statusOf.get(id)));
  const [missing, refusedOnes] = [those(undefined, 'unavailable'), those('non_compliant')];
  if (missing.length === wanted.length) return refused(2027, `no product is there: ${missing.join(', ')}`);
  if (refusedOnes.length === wanted.length) return refused(2028, `none complies: ${refusedOnes.join(', ')}`);
  if (missing.length + refusedOnes.length === wanted.length)
    return refused(2030, `${missing.join(', ')} are missing, ${refusedOnes.join(', ')} do not comply`);
  if (refusedOnes.length > 0)
    return { code: 2029, details: `do not comply: ${refusedOnes.join(', ')}`, isWarning: true };
  if (missing.length > 0) return { code: 2026, details: `missing: ${missing.join(', ')}`, isWarning: true };
  return undefined;
}
