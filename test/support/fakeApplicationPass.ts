import { VirtualClock } from '../../src/base/virtualClock.ts';
import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';
import { DEFAULT_ADMIN } from '../../src/onprem/users.ts';
import type { ApplicationPass } from '../../src/operator/application/pass.ts';
import { RefusedCalls } from '../../src/operator/application/refusedCalls.ts';
import { type StackAccess, StackSessions } from '../../src/operator/application/stackSession.ts';
import { EMPTY_JOURNAL, type Journal } from '../../src/operator/plan/facts/journal.ts';
import type { PodView, ReferencedSecret } from '../../src/operator/plan/facts/observed.ts';
import { FakeJournals } from './fakeJournals.ts';
import { FakeStack } from './fakeStack.ts';
import { podView } from './podView.ts';
import { whatsAppDeployment } from './whatsAppDeployment.ts';

const KEY = 'default/shop';
const START_MS = Date.parse('2026-03-01T00:00:00Z');
type SecretData = Readonly<Record<string, string>>;

/** The environment of one part of the application controller: the declaration, a fake stack and the journal. */
export class FakeApplication {
  readonly clock = new VirtualClock(START_MS);
  readonly stack = new FakeStack(this.clock);
  readonly journals: FakeJournals;
  /** The declaration; tests change it between passes. */
  spec: object;
  annotations: Readonly<Record<string, string>> = {};
  /** Secrets of the user, by name. */
  secrets: Record<string, SecretData>;
  /** Secrets that the operator generated, by name. */
  ownSecrets: Record<string, SecretData> = {};
  pods: PodView[] = [pod('shop-webapp-0', 'webapp'), pod('shop-coreapp-0-0', 'coreapp')];
  readonly refused = new RefusedCalls(this.clock);
  readonly #sessions = new StackSessions({ clock: this.clock, connect: () => this.stack });

  constructor(
    spec: object = {},
    given: { readonly secrets?: Record<string, SecretData>; readonly journal?: Partial<Journal> } = {},
  ) {
    this.spec = spec;
    this.secrets = given.secrets ?? {};
    this.journals = new FakeJournals({ ...EMPTY_JOURNAL, ...given.journal });
  }

  /** The next pass, with the journal and the stack as observed now. */
  pass(signal: AbortSignal = new AbortController().signal): ApplicationPass {
    const resource = whatsAppDeployment({ spec: this.spec, metadata: { annotations: this.annotations } });
    return {
      observed: {
        resource,
        stacks: [resource],
        sameNumber: [resource],
        children: new Map(Object.entries(this.ownSecrets).map(ownSecret)),
        pods: this.pods,
        referenced: new Map(Object.entries(this.secrets).map(referencedSecret)),
        journal: this.journals.read(),
        api: this.stack.observation(),
      },
      journals: this.journals,
      asAdmin: (calls) => this.#sessions.asAdmin(KEY, ACCESS, calls, signal),
      refused: this.refused,
      nowMs: this.clock.now(),
      signal,
    };
  }

  get journal(): Journal {
    return this.journals.read() ?? EMPTY_JOURNAL;
  }

  /** Plays the workloads controller: restarts the pods as the journal requests. */
  restartPods(): void {
    const { coreappRestarts, webappRestarts } = this.journal;
    this.pods = this.pods.map((view) => ({
      ...view,
      restarts: String(view.component === 'webapp' ? webappRestarts : coreappRestarts),
    }));
  }
}

const ACCESS: StackAccess = {
  host: 'shop-webapp.default.svc',
  port: 443,
  ca: '',
  certificateNames: [],
  username: DEFAULT_ADMIN.username,
  password: 'Admin-password-1',
  passwordSource: 'Secret shop-admin, key password',
  previousPassword: undefined,
  apiKey: 'key',
  onPassword: async () => {},
};

const pod = (name: string, component: string): PodView => podView({ name, component });

const base64 = (data: SecretData): SecretData =>
  Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  );

const referencedSecret = ([name, data]: [string, SecretData]): [string, ReferencedSecret] => [
  name,
  { name, data, raw: base64(data) },
];

const ownSecret = ([name, data]: [string, SecretData]): [string, KubeObject] => [
  `Secret/${name}`,
  {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: 'default' },
    data: base64(data),
  } as KubeObject,
];
