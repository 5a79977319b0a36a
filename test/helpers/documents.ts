import type { Federation } from '../../lib/federation/schemas.ts';
import type { ObjectStore } from '../../lib/storage/contract.ts';

/** An object to store. */
export interface Document {
  readonly key: string;
  readonly body: string;
}

/** Stores documents, one after another. */
export async function putAll<K extends string>(store: ObjectStore<K>, documents: Iterable<Document>): Promise<void> {
  for (const { key, body } of documents) await store.put(key as K, body);
}

/** A federation of generated sites: `site-0001` is "Hospital 1". */
export const generatedFederation = (sites: number, id = 'fedcardio'): Federation => ({
  schema: 'fedcardio.federation/1',
  id,
  sites: Array.from({ length: sites }, (_, index) => ({
    id: `site-${String(index + 1).padStart(4, '0')}`,
    name: `Hospital ${index + 1}`,
  })),
});
