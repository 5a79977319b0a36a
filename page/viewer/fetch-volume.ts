import type { ApiErrorBody } from '../api/error.ts';
import { ApiError } from '../client.ts';

/** How many bytes of a volume have come, and of how many. */
export interface Loaded {
  readonly done: number;
  readonly total: number;
}

/**
 * A CT or class map, as it is stored.
 *
 * @param address of a route that answers with its bytes: see urlOf
 * @throws ApiError
 */
export async function fetchVolume(
  address: string,
  signal: AbortSignal,
  onBytes: (loaded: Loaded) => void = () => undefined,
): Promise<ArrayBuffer> {
  try {
    const response = await fetch(address, { cache: 'no-store', signal });
    if (!response.ok) throw new ApiError(response.status, ((await response.json()) as ApiErrorBody).error);
    const total = Number(response.headers.get('content-length') ?? 0);
    let done = 0;
    const counted = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        done += chunk.length;
        onBytes({ done, total });
        controller.enqueue(chunk);
      },
    });
    return await new Response(response.body?.pipeThrough(counted)).arrayBuffer();
  } catch (error) {
    if (signal.aborted || error instanceof ApiError) throw error;
    throw new ApiError(0, { code: 'UNREACHABLE', message: String(error) });
  }
}
