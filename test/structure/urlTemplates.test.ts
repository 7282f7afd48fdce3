import { describe, expect, it } from 'vitest';
import { urlTemplate } from '../../src/client/urlTemplate.ts';
import { routes } from '../../src/stack/webapp/routes.ts';

const paths = [...new Set(routes.map(({ path }) => path))];

describe('the route that a trace tells of a call', () => {
  it('is known of every endpoint, whatever values its path holds', () => {
    expect(paths).toContain('/v1/users/:username');
    for (const value of ['16315551000', 'a%20person', 'media', 'users'])
      expect(
        paths.map((path) => urlTemplate(`${path.replace(/:\w+/g, value)}?format=prometheus`)),
        value,
      ).toEqual(paths);
  });

  it('hides a number where the API has no route', () => {
    expect(urlTemplate('/v1/unknown/16315551000/more')).toBe('/v1/unknown/:value/more');
  });
});
