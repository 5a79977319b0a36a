import fc from 'fast-check';

type Edit = (bytes: Buffer) => Buffer;

const place = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const at = (bytes: Uint8Array, share: number) => Math.floor(share * (bytes.length + 1));

const edit: fc.Arbitrary<Edit> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(place, fc.nat(255)).map(([where, value]): Edit => overwrite(where, [value])) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(place, fc.constantFrom([0xff, 0xff, 0xff, 0xff], [0, 0, 0, 0], [0x7f, 0xff, 0xff, 0xff]))
      .map(([where, values]): Edit => overwrite(where, values)),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(place, fc.uint8Array({ maxLength: 16 })).map(
      ([where, extra]): Edit =>
        (bytes) => {
          const start = at(bytes, where);
          return Buffer.concat([bytes.subarray(0, start), extra, bytes.subarray(start)]);
        },
    ),
  },
  {
    weight: 1,
    arbitrary: place.map(
      (where): Edit =>
        (bytes) =>
          bytes.subarray(0, at(bytes, where)),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(place, fc.nat(40)).map(
      ([where, count]): Edit =>
        (bytes) => {
          const start = at(bytes, where);
          return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + count)]);
        },
    ),
  },
);

function overwrite(where: number, values: readonly number[]): Edit {
  return (bytes) => {
    const copy = Buffer.from(bytes);
    values.forEach((value, i) => {
      copy[at(bytes, where) + i] = value;
    });
    return copy;
  };
}

/** These inputs with up to `most` edits: bytes overwritten, inserted or removed, the end cut off. Shrinks to fewer. */
export const mutatedBytes = (inputs: fc.Arbitrary<Uint8Array>, most = 3): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(inputs, fc.array(edit, { maxLength: most }))
    .map(([input, edits]) => edits.reduce<Buffer>((bytes, change) => change(bytes), Buffer.from(input)));
