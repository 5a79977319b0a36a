import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { SiteStore } from '../../lib/storage/contract.ts';
import { type ToyCase, uploadToyCase } from '../helpers/campaign.ts';

/** Writes a case as a hospital has it before its upload: `<dir>/<case>/image.nii.gz`, and the labels below. */
export async function writeToyCase(dir: string, item: ToyCase, seed: number): Promise<void> {
  const put = async (key: string, body: Uint8Array | string) => {
    const file = join(dir, ...key.split('/').slice(1));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, body);
    return { etag: '' };
  };
  await uploadToyCase({ put } as unknown as SiteStore, item, seed);
}
