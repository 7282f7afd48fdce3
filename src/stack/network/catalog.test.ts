import { describe, expect, it } from 'vitest';
import { catalog, productProblem } from './catalog.ts';

const linked = catalog.parse({
  catalogId: 'c1',
  products: [
    { retailerId: 'shoe' },
    { retailerId: 'hat' },
    { retailerId: 'knife', status: 'non_compliant' },
    { retailerId: 'gone', status: 'unavailable' },
  ],
});
const list = (...ids: string[]) => ({
  type: 'product_list',
  action: { catalog_id: 'c1', sections: [{ product_items: ids.map((id) => ({ product_retailer_id: id })) }] },
});
const problem = (message: Parameters<typeof productProblem>[0], of: typeof linked | undefined = linked) => {
  const found = productProblem(message, of);
  return found && [found.code, found.isWarning];
};

describe('products of a message', () => {
  it('are all there while the simulation has no catalogue', () => {
    expect(productProblem(list('anything'), undefined)).toBeUndefined();
  });

  it('are refused when none can be shown, and with the reason', () => {
    expect(problem(list('nothing', 'gone'))).toEqual([2027, false]);
    expect(problem(list('knife'))).toEqual([2028, false]);
    expect(problem(list('knife', 'gone'))).toEqual([2030, false]);
    expect(problem({ type: 'product', action: { catalog_id: 'c1', product_retailer_id: 'no' } })).toEqual([
      2027,
      false,
    ]);
    expect(problem({ ...list('shoe'), action: { catalog_id: 'c2' } })).toEqual([2024, false]);
    expect(problem({ type: 'catalog_message', action: {} }, { catalogId: null, products: [] })).toEqual([
      2025,
      false,
    ]);
  });

  it('go out with a warning when some are missing or do not comply', () => {
    expect(problem(list('shoe', 'hat'))).toBeUndefined();
    expect(problem(list('shoe', 'gone'))).toEqual([2026, true]);
    expect(problem(list('shoe', 'knife'))).toEqual([2029, true]);
    expect(problem({ type: 'list', action: {} })).toBeUndefined();
  });
});
