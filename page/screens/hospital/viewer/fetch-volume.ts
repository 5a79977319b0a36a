import type { ApiErrorBody } from '../../../api/error.ts';
import { ROUTES } from '../../../api/routes.ts';
import { ApiError, urlOf } from '../../../client.ts';

/**
 * A CT or class map of the site's bucket, as it is stored.
 *
 * @param onBytes told how many bytes have come, and of how many
 * @throws ApiError
 */
export async function fetchVolume(
  key: string,
  signal: AbortSignal,
  onBytes: (done: number, total: number) => void = () => undefined,
): Promise<ArrayBuffer> {
  try {
    const response = await fetch(urlOf(ROUTES.siteVolume.path, {}, { key }), { cache: 'no-store', signal });
    if (!response.ok) throw new ApiError(response.status, ((await response.json()) as ApiErrorBody).error);
    const total = Number(response.headers.get('content-length') ?? 0);
    let done = 0;
    const counted = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        done += chunk.length;
        onBytes(done, total);
        controller.enqueue(chunk);
      },
    });
    return await new Response(response.body?.pipeThrough(counted)).arrayBuffer();
  } catch (error) {
    if (signal.aborted || error instanceof ApiError) throw error;
    throw new ApiError(0, { code: 'UNREACHABLE', message: String(error) });
  }
}
