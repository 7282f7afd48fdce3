import type { Graph } from './graph.ts';
import { unknownObject } from './graphFailure.ts';
import type { GraphCall } from './graphRoute.ts';

type Named = Pick<GraphCall, 'parameter' | 'request'>;

/** The number whose phone number id the path names. @throws GraphFailure 100/33 */
export function numberIn({ parameter, request }: Named, { numbers }: Graph): string {
  const number = numbers.byPhoneNumberId(parameter('object'));
  if (number === undefined) throw unknownObject(parameter('object'), request.method);
  return number;
}

/** The id of the business account in the path, and its numbers. @throws GraphFailure 100/33 */
export function accountIn({ parameter, request }: Named, { numbers }: Graph) {
  const id = parameter('object');
  const ofIt = numbers.ofAccount(id);
  if (ofIt.length === 0) throw unknownObject(id, request.method);
  return { id, numbers: ofIt };
}
