import { request } from '../../client.ts';
import type { ReadDocument } from './links.ts';

/** Documents that are read at the same time. */
const AT_ONCE = 6;

/** Reads documents and computes their hashes; `undefined` for one that cannot be read. */
export async function readDocuments(
  campaign: string,
  keys: readonly string[],
  signal: AbortSignal,
  onRead: (key: string, document: ReadDocument | undefined) => void,
): Promise<void> {
  const waiting = [...keys];
  const worker = async () => {
    for (let key = waiting.shift(); key !== undefined && !signal.aborted; key = waiting.shift()) {
      const document = await readDocument(campaign, key, signal).catch(() => undefined);
      if (!signal.aborted) onRead(key, document);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** @throws ApiError */
export async function readDocument(
  campaign: string,
  key: string,
  signal?: AbortSignal,
): Promise<ReadDocument | undefined> {
  const fetched = await request('document', { campaign }, { query: { key }, ...(signal && { signal }) });
  if (!fetched) return undefined;
  const bytes = await fetched.data.arrayBuffer();
  const text = new TextDecoder().decode(bytes);
  return { bytes: bytes.byteLength, sha256: await sha256Of(bytes), text, value: parsed(text) };
}

async function sha256Of(bytes: ArrayBuffer): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
