/** A fact, or why it could not be found out. */
export type Known<T> = { readonly value: T } | { readonly unknown: string };

/** Facts of which each may be unknown. */
export type Facts<V> = { readonly [K in keyof V]: Known<V[K]> };

/** `unknown`: the check could not run. */
export const VERDICTS = ['ok', 'warning', 'failed', 'unknown'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** What a check found. */
export interface Finding {
  readonly verdict: Verdict;
  /** What was seen, a sentence part each; for `unknown`, why the check could not run. */
  readonly evidence: readonly string[];
  /** What a person does about it, with the command. */
  readonly remedy?: string | undefined;
}

/** What every check may read. */
export interface About {
  readonly namespace: string;
  /** Name of the stack; of the operator's Deployment in checks of the installation. */
  readonly name: string;
  /** Epoch ms. */
  readonly nowMs: number;
}

/** One question about values of type `V`. It is answered from facts alone. */
export interface Check<V> {
  readonly id: string;
  readonly group: string;
  /** What it asks, for the documentation. */
  readonly asks: string;
  /** When it is a warning, and when it fails, for the documentation. */
  readonly rule: string;
  /** What a person does about it, for the documentation. */
  readonly mend: string;
  /** Where the facts come from and the right that they need, for the documentation. */
  readonly source: string;
  /** The checks of the vendor's own tool that it covers. Source: docs/onprem/deployment.md §8.3. */
  readonly wadebug?: readonly string[];
  /** @returns undefined if the question does not arise for this stack */
  readonly run: (facts: Facts<V>, about: About) => Finding | undefined;
}

/** A check that needs these facts: without one of them it could not run, and says why. */
export function check<V>() {
  return <K extends keyof V>(
    entry: Omit<Check<V>, 'run'> & {
      readonly needs: readonly K[];
      readonly judge: (values: Pick<V, K>, about: About) => Finding | undefined;
    },
  ): Check<V> => {
    const { needs, judge, ...rest } = entry;
    return {
      ...rest,
      run: (facts, about) => {
        const values: Partial<Pick<V, K>> = {};
        for (const need of needs) {
          const fact: Known<V[K]> = facts[need];
          if ('unknown' in fact) return unknown(fact.unknown);
          values[need] = fact.value;
        }
        return judge(values as Pick<V, K>, about);
      },
    };
  };
}

export const ok = (...evidence: readonly string[]): Finding => ({ verdict: 'ok', evidence });
export const unknown = (why: string): Finding => ({ verdict: 'unknown', evidence: [why] });
export const warning = (evidence: string | readonly string[], remedy: string | undefined): Finding => ({
  verdict: 'warning',
  evidence: [evidence].flat(),
  remedy,
});
export const failed = (evidence: string | readonly string[], remedy: string | undefined): Finding => ({
  verdict: 'failed',
  evidence: [evidence].flat(),
  remedy,
});

/** Worst first: the order in which verdicts prevail over each other. */
const SEVERITY: readonly Verdict[] = ['failed', 'warning', 'unknown', 'ok'];

/** One finding of several: the evidence and the remedies of the worst of them. */
export function worst(findings: readonly Finding[]): Finding | undefined {
  const verdict = SEVERITY.find((each) => findings.some((finding) => finding.verdict === each));
  if (verdict === undefined) return undefined;
  const same = findings.filter((finding) => finding.verdict === verdict);
  const remedies = [...new Set(same.flatMap(({ remedy }) => remedy ?? []))];
  return {
    verdict,
    evidence: same.flatMap(({ evidence }) => evidence),
    ...(remedies.length > 0 ? { remedy: remedies.join('; ') } : {}),
  };
}
