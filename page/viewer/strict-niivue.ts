import { Niivue } from '@niivue/niivue';

/** NiiVue under the page's policy, which allows pictures of this page and blobs, but no data: addresses. */
export class StrictNiivue extends Niivue {
  override async loadPngAsTexture(address: string, texture: number): Promise<WebGLTexture | null> {
    if (!address.startsWith('data:')) return super.loadPngAsTexture(address, texture);
    const blob = URL.createObjectURL(blobOf(address));
    try {
      return await super.loadPngAsTexture(blob, texture);
    } finally {
      URL.revokeObjectURL(blob);
    }
  }
}

/** The bytes of a data: address in base64. */
function blobOf(address: string): Blob {
  const [head = '', body = ''] = address.slice('data:'.length).split(',');
  const bytes = Uint8Array.from(atob(body), (char) => char.charCodeAt(0));
  return new Blob([bytes], { type: head.split(';')[0] ?? '' });
}
