import { element } from '../shell/element.ts';
import { icon } from '../shell/icon.ts';
import { textNodes } from './textNodes.ts';

export interface Order {
  readonly text: string;
  readonly product_items: readonly {
    readonly product_retailer_id?: string;
    readonly quantity?: number;
    readonly item_price?: number;
    readonly currency?: string;
  }[];
}

/** What a person orders from the catalog. */
export const orderNode = ({ text, product_items = [] }: Partial<Order>): HTMLElement =>
  element(
    'div',
    {},
    productList(
      product_items.map(
        ({ product_retailer_id: id = '?', quantity = 1, item_price: price, currency = '' }) =>
          `${quantity} × ${id}${price === undefined ? '' : `, ${price} ${currency}`}`,
      ),
    ),
    text && textNodes(text),
  );

export const productList = (products: readonly string[]): HTMLElement =>
  element(
    'ul',
    { className: 'products' },
    ...products.map((product) => element('li', {}, icon('cart'), product)),
  );
