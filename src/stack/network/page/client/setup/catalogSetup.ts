import { badge } from '../inspect/recordTools.ts';
import type { Model } from '../model.ts';
import { type Answer, call } from '../shell/call.ts';
import { button, emptyState, iconButton } from '../shell/controls.ts';
import { openForm, textOf } from '../shell/dialog.ts';
import { element } from '../shell/element.ts';
import { choice, field } from '../shell/field.ts';
import { guarded } from '../shell/notices.ts';
import { savingForm } from './formValues.ts';
import { type SetupSection, setupSection } from './setupSection.ts';

type Catalog = NonNullable<Answer<'GET /numbers/{number}/catalog'>['catalog']>;
type Product = Catalog['products'][number];

const STATUSES = [
  ['available', 'available'],
  ['unavailable', 'unavailable'],
  ['non_compliant', 'does not comply'],
] as const;

/** The product catalog of the chosen number. */
export const catalogSetup = (model: Model): SetupSection => {
  const save = (catalog: Catalog) =>
    call('PUT /numbers/{number}/catalog', { params: model.ofNumber, body: catalog });
  return setupSection({
    title: 'Catalog',
    icon: 'cart',
    isOfNumber: true,
    about:
      'The products that messages may show. Until a catalog is set here, every product exists. A missing product refuses the message, or causes a warning.',
    load: async () => (await call('GET /numbers/{number}/catalog', { params: model.ofNumber })).catalog,
    draw: (catalog) => {
      const { catalogId = null, products = [] } = catalog ?? {};
      const withProducts = (changed: readonly Product[]) => save({ catalogId, products: changed });
      return [
        savingForm(
          (fields) => save({ catalogId: textOf(fields, 'catalogId') || null, products }),
          field('Catalog id', {
            name: 'catalogId',
            value: catalogId ?? '',
            placeholder: catalog ? 'none is linked' : 'every product exists',
            hint: 'Empty: no catalog is linked to the number (2025)',
          }),
        ),
        ...(catalog
          ? [
              element(
                'div',
                { className: 'actions' },
                button(
                  'Add product',
                  () => askProduct((product) => withProducts([...products, product])),
                  'attach',
                ),
              ),
              productTable(products, (index) => withProducts(products.toSpliced(index, 1))),
            ]
          : []),
      ];
    },
  });
};

const productTable = (
  products: readonly Product[],
  onDelete: (index: number) => Promise<unknown>,
): HTMLElement =>
  products.length === 0
    ? emptyState('cart', 'No products', 'Messages that show products of this catalog are refused (2027).')
    : element(
        'ul',
        { className: 'rows' },
        ...products.map(({ retailerId, status }, index) =>
          element(
            'li',
            {},
            element('code', { textContent: retailerId }),
            badge(status, status === 'available' ? 'good' : 'bad'),
            iconButton(
              'trash',
              `Delete ${retailerId}`,
              guarded(() => onDelete(index)),
            ),
          ),
        ),
      );

const askProduct = (save: (product: Product) => unknown): void =>
  openForm(
    {
      title: 'New product',
      submit: 'Add',
      onSubmit: (fields) =>
        save({
          retailerId: textOf(fields, 'retailerId'),
          status: textOf(fields, 'status') as Product['status'],
        }),
    },
    field('Retailer id', { name: 'retailerId', required: true, maxLength: 100 }),
    choice('Status', 'status', STATUSES),
  );
