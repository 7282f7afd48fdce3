import type { Model } from '../model.ts';
import { call } from '../shell/call.ts';
import { textOf } from '../shell/dialog.ts';
import { choice } from '../shell/field.ts';
import { savingForm } from './formValues.ts';
import { type SetupSection, setupSection } from './setupSection.ts';

const TIERS = [
  ['250', '250 people'],
  ['1000', '1,000 people'],
  ['10000', '10,000 people'],
  ['100000', '100,000 people'],
  ['', 'Unlimited'],
] as const;
const QUALITIES = (['high', 'medium', 'low'] as const).map((quality) => [quality, quality] as const);

/** Messaging tier and quality of the chosen number. */
export const limitSetup = (model: Model): SetupSection =>
  setupSection({
    title: 'Limits',
    icon: 'person',
    isOfNumber: true,
    about:
      'With how many people the business may begin conversations in 24 hours. Beyond that, messages fail with 471. The tier rises by itself when twice the tier was used within seven days and the quality is not low.',
    load: async () => model.numbers.find(({ number }) => number === model.number)?.limits,
    draw: (limits) => [
      savingForm(
        (fields) => {
          const tier = textOf(fields, 'tier');
          return call('PUT /numbers/{number}/limits', {
            params: model.ofNumber,
            body: { tier: tier === '' ? null : Number(tier), quality: textOf(fields, 'quality') },
          });
        },
        choice('Tier', 'tier', TIERS, String(limits?.tier ?? '')),
        choice('Quality', 'quality', QUALITIES, limits?.quality),
      ),
    ],
  });
