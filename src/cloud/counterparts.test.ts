import { describe, expect, it } from 'vitest';
import { graphRoutes } from '../stack/graph/routes.ts';
import { openApiPath } from '../stack/http/openApi.ts';
import { routes } from '../stack/webapp/routes.ts';
import { COUNTERPARTS } from './counterparts.ts';

describe('the counterparts of calls', () => {
  it('are told for each call of /v1, and for no other', () => {
    const served = routes.map(({ method, path }) => `${method} ${openApiPath(path)}`);
    expect(Object.keys(COUNTERPARTS).sort()).toEqual(served.sort());
  });

  it('are calls that the simulated Cloud API serves', () => {
    // Objects are named by their ids, whatever they are.
    const served = graphRoutes.map(({ method, path }) => `${method} ${openApiPath(path)}`);
    const asServed = (line: string) =>
      line
        .replace(/\?.*/, '')
        .replace('<url of the media>', '/whatsapp_business/attachments/')
        .replace(/\/\{[^}]+\}/, '/{version}/{object}');
    const lines = Object.values(COUNTERPARTS).flatMap(({ calls }) => calls.map(({ line }) => asServed(line)));
    expect([...new Set(lines)].filter((line) => !served.includes(line))).toEqual([]);
    expect(lines.length).toBeGreaterThan(0);
  });

  it('are missing for all that the gateway refuses, and each says what to do', () => {
    for (const [line, { calls, refused, remedy }] of Object.entries(COUNTERPARTS)) {
      expect([line, refused !== undefined && calls.length > 0]).toEqual([line, false]);
      expect(remedy).toMatch(/^[A-Z].*\.$/);
    }
  });
});
