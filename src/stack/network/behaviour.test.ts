import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Behaviour, courseOf, SESSION_WINDOW_MS } from './behaviour.ts';
import { DEFAULT_BEHAVIOUR } from './defaultBehaviour.ts';
import { laterFailure, type TemplateEntry, templateProblem } from './templates.ts';

const course = (person: Partial<Behaviour> = {}, more: Partial<Parameters<typeof courseOf>[0]> = {}) =>
  courseOf({ type: 'text', behaviour: { ...DEFAULT_BEHAVIOUR, ...person }, silentMs: 0, ...more }).map(
    ({ stage, error }) => (error ? `${stage} ${error.code}` : stage),
  );

describe('what becomes of a message', () => {
  it('follows from how the person is', () => {
    expect(course()).toEqual(['delivered', 'read']);
    expect(course({ readAfterMs: null })).toEqual(['delivered']);
    expect(course({ deleteAfterMs: 100 })).toEqual(['delivered', 'deleted', 'read']);
    expect(course({ blocks: true })).toEqual([]);
    expect(course({ hasWhatsApp: false })).toEqual(['failed 1013']);
    expect(course({ failsWith: 472 })).toEqual(['failed 472']);
    expect(course({ oldApp: true })).toEqual(['delivered', 'read']);
    expect(course({ oldApp: true }, { type: 'interactive' })).toEqual(['failed 1026']);
  });

  it('depends on the session window, which templates need not keep', () => {
    expect(course({}, { silentMs: SESSION_WINDOW_MS })).toEqual(['delivered', 'read']);
    expect(course({}, { silentMs: SESSION_WINDOW_MS + 1 })).toEqual(['failed 470']);
    expect(course({}, { silentMs: Number.POSITIVE_INFINITY, type: 'template' })).toEqual([
      'delivered',
      'read',
    ]);
  });

  it('ends with the ttl of a template that could not be delivered', () => {
    const never = { blocks: true };
    expect(course(never, { type: 'template', ttlDays: 1 })).toEqual(['failed 410']);
    expect(
      courseOf({
        type: 'template',
        behaviour: { ...DEFAULT_BEHAVIOUR, ...never },
        silentMs: 0,
        ttlDays: 2,
      })[0]?.afterMs,
    ).toBe(2 * 86_400_000);
  });

  it('fails once at most, and then nothing follows', () => {
    const person = fc.record({
      hasWhatsApp: fc.boolean(),
      blocks: fc.boolean(),
      deliverAfterMs: fc.nat(1000),
      readAfterMs: fc.option(fc.nat(1000)),
      deleteAfterMs: fc.option(fc.nat(1000)),
      failsWith: fc.option(fc.constantFrom(470, 1026)),
      optedOut: fc.boolean(),
      oldApp: fc.boolean(),
    });
    fc.assert(
      fc.property(
        person,
        fc.constantFrom('text', 'template', 'interactive'),
        fc.nat(2 * SESSION_WINDOW_MS),
        (behaviour, type, silentMs) => {
          const steps = courseOf({ type, behaviour, silentMs });
          const failed = steps.filter(({ stage }) => stage === 'failed');
          expect(failed.length === 0 || steps.length === 1).toBe(true);
          expect(steps.map(({ afterMs }) => afterMs)).toEqual(
            steps.map(({ afterMs }) => afterMs).sort((a, b) => a - b),
          );
        },
      ),
    );
  });
});

describe('templates', () => {
  const entry = (more: Partial<TemplateEntry> = {}): TemplateEntry => ({
    namespace: 'ns',
    name: 'order',
    language: 'en',
    status: 'approved',
    ...more,
  });
  const sent = {
    namespace: 'ns',
    name: 'order',
    language: { code: 'en' },
    components: [{ type: 'body', parameters: [1] }],
  };

  it('are refused by what the catalogue says of them', () => {
    expect(templateProblem(sent, [])).toBeUndefined();
    expect(templateProblem(sent, [entry()])).toBeUndefined();
    expect(templateProblem({ ...sent, namespace: 'other' }, [entry()])?.code).toBe(1009);
    expect(templateProblem({ ...sent, name: 'none' }, [entry()])?.code).toBe(2001);
    expect(templateProblem({ ...sent, language: { code: 'de' } }, [entry()])?.code).toBe(2001);
    expect(templateProblem(sent, [entry({ status: 'rejected' })])?.code).toBe(2060);
    expect(templateProblem(sent, [entry({ bodyParameters: 2 })])?.code).toBe(2000);
    expect(
      templateProblem(
        { namespace: 'ns', element_name: 'order', language: { code: 'en' }, localizable_params: [1, 2] },
        [entry({ bodyParameters: 2 })],
      ),
    ).toBeUndefined();
  });

  it('fail later where they are paused or disabled', () => {
    expect(laterFailure(sent, [entry()])).toBeUndefined();
    expect(laterFailure(sent, [entry({ status: 'paused' })])).toBe(2061);
    expect(laterFailure(sent, [entry({ status: 'disabled' })])).toBe(2062);
  });
});
