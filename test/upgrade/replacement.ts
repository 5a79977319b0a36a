import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';

/** What the CDK's `cdk diff` knows of each type of resource, from CloudFormation's registry. */
const DATABASE = new URL('../../node_modules/aws-cdk/db.json.gz', import.meta.url);

const databaseSchema = z.object({
  schema: z.object({
    resource: z.object({
      entities: z.array(
        z.object({
          cloudFormationType: z.string(),
          properties: z.record(z.string(), z.object({ causesReplacement: z.string().optional() })),
        }),
      ),
    }),
  }),
});

/** Properties whose change replaces the resource, by type. */
export function readReplacingProperties(): ReadonlyMap<string, readonly string[]> {
  if (!existsSync(DATABASE)) throw new Error('The package aws-cdk has no db.json.gz any more: find its database.');
  const { schema } = databaseSchema.parse(JSON.parse(gunzipSync(readFileSync(DATABASE)).toString()));
  return new Map(
    schema.resource.entities.map(({ cloudFormationType, properties }) => [
      cloudFormationType,
      Object.entries(properties)
        .filter(([, { causesReplacement }]) => causesReplacement === 'yes')
        .map(([name]) => name),
    ]),
  );
}
