import type { PodObject } from '../../../operator/state/podObject.ts';

export const isReady = ({ status }: PodObject): boolean =>
  status?.conditions?.some(({ type, status: met }) => type === 'Ready' && met === 'True') ?? false;
