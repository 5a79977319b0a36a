import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  woff2: 'font/woff2',
  wasm: 'application/wasm',
};

/** A file of the built page: `assets/` and a plain name. Vite puts a hash of the content into it. */
const ASSET = /^assets\/[A-Za-z0-9_][A-Za-z0-9_.-]*\.([a-z0-9]+)$/;

/**
 * Sends a file of the built page.
 *
 * @param path below the page's prefix; only `index.html` and plain names below `assets/` exist
 * @returns whether there is such a file
 */
export async function sendFile(
  folder: string,
  path: string,
  response: ServerResponse,
  withBody: boolean,
): Promise<boolean> {
  const isIndex = path === 'index.html';
  const extension = isIndex ? 'html' : ASSET.exec(path)?.[1];
  const type = extension !== undefined && Object.hasOwn(TYPES, extension) ? TYPES[extension] : undefined;
  if (type === undefined) return false;
  const body = await readFile(join(folder, path)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!body) return false;
  response.writeHead(200, {
    'content-type': type,
    'content-length': body.length,
    'cache-control': isIndex ? 'no-store' : 'public, max-age=31536000, immutable',
  });
  response.end(withBody ? body : undefined);
  return true;
}
