import type { Graph } from '../graph.ts';
import { GraphFailure, unknownObject } from '../graphFailure.ts';
import { type GraphCall, type GraphRoute, OBJECT, route } from '../graphRoute.ts';

const LARGEST_PART_BYTES = 16 * 1024 * 1024;

/** Uploads in parts, for pictures of profiles. */
export const uploadRoutes: readonly GraphRoute[] = [
  route(
    {
      method: 'POST',
      path: `${OBJECT}/uploads`,
      summary: 'Begins an upload in parts, whose handle a profile picture names',
      note: 'Any app id is taken. Parts go to `POST /{upload id}` with the header `file_offset`.',
      query: { file_length: 'bytes', file_type: 'content type', file_name: 'name' },
    },
    async (call, { uploads }) => {
      const { file_length: length, file_type: type } = await call.parameters();
      if (type === undefined) throw new GraphFailure(100, 'The parameter file_type is required.');
      return Response.json({ id: uploads.begin(Number(length), String(type)) });
    },
  ),
];

export function uploadState(id: string, { uploads }: Graph): object {
  const offset = uploads.offset(id);
  if (offset === undefined) throw unknownObject(id, 'get');
  return { id, file_offset: offset };
}

/** @returns the handle, or where the next part begins */
export async function takeUploadPart(id: string, call: GraphCall, { uploads }: Graph): Promise<object> {
  const offset = Number(call.request.headers.get('file_offset') ?? 0);
  const handle = await uploads.take(id, offset, await call.read(LARGEST_PART_BYTES));
  return handle === undefined ? { id, file_offset: uploads.offset(id) } : { h: handle };
}
