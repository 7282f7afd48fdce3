import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';

/** Labels that every metric of a stack has. */
export const STACK_LABELS = ['namespace', 'stack'] as const;

export const stackLabelsOf = ({
  metadata,
}: WhatsAppDeployment): Record<(typeof STACK_LABELS)[number], string> => ({
  namespace: metadata.namespace,
  stack: metadata.name,
});
