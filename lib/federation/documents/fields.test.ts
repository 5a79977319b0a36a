import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { fieldReference } from './fields.ts';

describe('fieldReference', () => {
  test('describes type, default and meaning of every field, and every object in a section of its own', () => {
    const choice = z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('a'), size: z.int().min(2).describe('A size.') }).describe('The first.'),
      z.strictObject({ kind: z.literal('b') }).describe('The second.'),
    ]);
    const schema = z.strictObject({
      rate: z.number().positive().max(1).default(0.5).describe('A rate.'),
      names: z.array(z.string()).describe('Names.'),
      choice: choice.describe('A choice.'),
    });

    expect(fieldReference('The file', schema)).toBe(`## The file

| field | type | default | meaning |
| --- | --- | --- | --- |
| \`rate\` | number > 0, ≤ 1 | \`0.5\` | A rate. |
| \`names\` | list of string | required | Names. |
| \`choice\` | [object](#choice) | required | A choice. |

## \`choice\`

### \`choice\` with \`kind\` \`"a"\`

The first.

| field | type | default | meaning |
| --- | --- | --- | --- |
| \`size\` | integer ≥ 2 | required | A size. |

### \`choice\` with \`kind\` \`"b"\`

The second.

It has no fields of its own.`);
  });

  test('refuses a field without a description', () => {
    expect(() => fieldReference('The file', z.strictObject({ a: z.string() }))).toThrow(
      'The field a has no description.',
    );
  });
});
