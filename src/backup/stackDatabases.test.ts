import { describe, expect, it } from 'vitest';
import { stackDatabases } from './stackDatabases.ts';

const own = (prefix: string) =>
  ['configStore', 'clusterStore', 'messageStore', 'waweb'].map((name) => prefix + name);

describe('the databases of a stack', () => {
  it('begin with its prefix, the cluster first', () => {
    expect(stackDatabases([...own('shop_'), 'shop_extra', 'postgres'], 'shop_')).toEqual([
      'shop_clusterStore',
      'shop_configStore',
      'shop_extra',
      'shop_messageStore',
      'shop_waweb',
    ]);
  });

  it('are not those of a stack whose prefix begins with this one', () => {
    expect(stackDatabases([...own('shop_'), ...own('shop_2_'), 'shop_2_extra'], 'shop_')).toHaveLength(4);
    expect(stackDatabases([...own('shop_'), ...own('shop_2_')], 'shop_2_')).toHaveLength(4);
  });

  it('are not those that verify left', () => {
    expect(stackDatabases([...own('shop_'), 'shop_verify_0a1b_waweb'], 'shop_')).toHaveLength(4);
  });

  it('are the known four where there is no prefix', () => {
    expect(stackDatabases([...own(''), ...own('shop_'), 'postgres', 'billing'], '')).toEqual([
      'clusterStore',
      'configStore',
      'messageStore',
      'waweb',
    ]);
  });

  it('must be there, and have plain names', () => {
    const missing = expect.objectContaining({ code: 'DatabaseMissing' });
    expect(() => stackDatabases(['postgres'], 'shop_')).toThrow(missing);
    expect(() => stackDatabases([...own('shop_'), 'shop_a b'], 'shop_')).toThrow(missing);
  });
});
