import { createHash } from 'node:crypto';
import { type CaseUse, siteKeys } from '../../lib/federation/keys.ts';
import { catalogSchema, rejectedSchema } from '../../lib/federation/schemas.ts';
import { canonicalJson, sha256Hex } from '../../lib/json.ts';
import type { Document } from '../../test/helpers/documents.ts';

const AT = '2026-03-02T07:39:00.000Z';
/** One case in so many is rejected, one has no verdict yet, and one is without labels. */
const REJECTED = 40;
const PENDING = 97;
const UNLABELLED = 3;
/** One case in so many is held out. */
const HELD_OUT = 10;

/**
 * The bucket of a site with many cases, with what intake says of them. The images are short: nothing reads them.
 */
export function* siteDocuments(site: string, cases: number): Generator<Document> {
  for (let index = 0; index < cases; index++) {
    const id = `p${String(index).padStart(5, '0')}`;
    const use: CaseUse = index % HELD_OUT === 0 ? 'evaluation' : 'training';
    const image = siteKeys.image(use, id);
    yield { key: image, body: `CT ${id}` };
    const isLabelled = index % UNLABELLED !== 0;
    const label = siteKeys.markups(use, id, 'hinge-points');
    if (isLabelled) yield { key: label, body: `points ${id}` };
    if (index % PENDING === 1) continue;
    if (index % REJECTED === 2) {
      yield { key: siteKeys.rejected(id), body: canonicalJson(rejectionOf(site, id, image)) };
      continue;
    }
    const entry = catalogSchema.parse({
      ...{ schema: 'fedcardio.catalog/1', site, case: id, use, at: AT },
      image: {
        ...{ key: image, etag: etagOf(`CT ${id}`), bytes: 48_211_934, sha256: sha256Hex(`CT ${id}`) },
        ...{ shape: [512, 512, 320], spacing: [0.45, 0.45, 0.75], orientation: 'LPS', range: [-1024, 2841] },
        affine: [
          [-0.45, 0, 0, 115.2],
          [0, -0.45, 0, 98.4],
          [0, 0, 0.75, -310.5],
          [0, 0, 0, 1],
        ],
      },
      labels: isLabelled
        ? {
            'hinge-points': {
              ...{ key: label, etag: etagOf(`points ${id}`), format: 'markups' },
              classes: { 1: 1, 2: 1, 3: 1, 4: 1, 5: 1 },
            },
          }
        : {},
    });
    yield { key: siteKeys.catalog(id), body: canonicalJson(entry) };
  }
}

const rejectionOf = (site: string, id: string, key: string) =>
  rejectedSchema.parse({
    ...{ schema: 'fedcardio.rejected/1', site, case: id, at: AT },
    objects: [
      {
        ...{ key, code: 'BAD_IMAGE', reason: 'Its compressed data end too early.' },
        hint: 'The upload or the export was cut off: upload the whole file again.',
      },
    ],
  });

/** The ETag of an object that was uploaded in one piece. */
const etagOf = (body: string): string => `"${createHash('md5').update(body).digest('hex')}"`;
