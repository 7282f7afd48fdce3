import { onPremisesId } from '../../../cloud/messageIds.ts';
import { graphStatusOf } from '../../network/graphSide.ts';
import { numberIn } from '../callee.ts';
import type { Graph } from '../graph.ts';
import { GraphFailure } from '../graphFailure.ts';
import { parseMessage } from '../graphMessageShape.ts';
import { done, type GraphRoute, OBJECT, route } from '../graphRoute.ts';

export const messageRoutes: readonly GraphRoute[] = [
  route(
    {
      method: 'POST',
      path: `${OBJECT}/messages`,
      summary: 'Sends a message, or marks one as read',
      note: 'To a number (`to`) or a business-scoped user id (`recipient`). Types that only the Cloud API has are checked less.',
    },
    async (call, graph) => {
      const number = numberIn(call, graph);
      requireConnected(number, graph);
      const message = parseMessage(await call.parameters());
      if (message.kind === 'message')
        return Response.json(await graph.sender.send(number, message, call.fault));
      const { network } = graph;
      const id = onPremisesId(message.wamid) ?? message.wamid;
      if (network.state.isRead(number, id) === undefined)
        throw new GraphFailure(131009, `message_id: there is no message ${message.wamid}`);
      await network.record({ type: 'read-by-business', number, id });
      return done();
    },
  ),
];

/** @throws GraphFailure 133010 */
function requireConnected(number: string, { network }: Graph): void {
  const status = graphStatusOf(network.state.known(number), network.graphMode ?? 'both');
  if (status !== 'CONNECTED')
    throw new GraphFailure(
      133010,
      `The phone number is ${status}: register it with POST /{phone number id}/register`,
    );
}
