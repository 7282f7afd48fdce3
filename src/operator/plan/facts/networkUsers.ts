import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { sharesNetwork } from './names.ts';

type Options = NonNullable<NonNullable<WhatsAppDeployment['spec']['emulator']>['network']>;

/** The Emulator stacks of a namespace that share its network process. */
export const networkUsers = (stacks: readonly WhatsAppDeployment[]): WhatsAppDeployment[] =>
  stacks
    .filter(({ spec }) => sharesNetwork(spec))
    .sort((a, b) => a.metadata.uid.localeCompare(b.metadata.uid));

/** The first stack that sets an option of the network process: its value counts, so that every stack plans the same pod. */
export const firstWith = <K extends 'resources' | 'podTemplate'>(
  users: readonly WhatsAppDeployment[],
  option: K,
): { readonly stack: WhatsAppDeployment; readonly value: NonNullable<Options[K]> } | undefined => {
  for (const stack of users) {
    const value = stack.spec.emulator?.network?.[option];
    if (value !== undefined) return { stack, value };
  }
  return undefined;
};

/** The first stack with traces: by its settings the network process sends its own. */
export const firstTraced = (users: readonly WhatsAppDeployment[]): WhatsAppDeployment | undefined =>
  users.find(({ spec }) => spec.emulator?.tracing !== undefined);
