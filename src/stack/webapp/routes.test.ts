import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openApi } from './openApi.ts';
import { routes } from './routes.ts';

const named = ({ method, path }: { readonly method: string; readonly path: string }) => `${method} ${path}`;

describe('the routes of the API', () => {
  it('are those of every file in routes/', async () => {
    const files = readdirSync(new URL('routes', import.meta.url)).map((file) => file.replace(/\.ts$/, ''));
    const exported = await Promise.all(files.map((file) => import(`./routes/${file}.ts`)));
    const all = exported.flatMap((module: object) => Object.values(module) as (typeof routes)[]).flat();
    expect(all.map(named).sort()).toEqual(routes.map(named).sort());
  });

  it('are each one operation of the OpenAPI document, with a name of its own', () => {
    const paths = Object.values(openApi('v2.57.1').paths as object) as Record<string, object>[];
    const operations = paths.flatMap((path) => Object.values(path)) as { readonly operationId: string }[];
    expect(operations).toHaveLength(routes.length);
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(routes.length);
  });
});
