import type { CommonReason } from '../../resource/conditions.ts';

/** The reason in an answer of the API server that refuses to create an object; undefined if it names another cause. */
export function denialIn(message: string): CommonReason | undefined {
  if (/exceeded quota|is forbidden: failed quota|must specify (limits|requests)/i.test(message))
    return 'QuotaExceeded';
  if (/because it is being terminated/i.test(message)) return 'NamespaceTerminating';
  if (
    /admission webhook|violates PodSecurity|ValidatingAdmissionPolicy|no PriorityClass with name|admission controller|LimitRange|(minimum|maximum) (cpu|memory|storage) usage/i.test(
      message,
    )
  )
    return 'AdmissionDenied';
  return undefined;
}
