import { expect, test } from 'vitest';
import { TASKS } from '../federation/tasks.ts';
import { CT_INTENSITY, type Intensity } from '../imaging/intensity.ts';
import { sha256Hex } from '../json.ts';
import { decodeSafetensors, encodeSafetensors } from '../weights/safetensors.ts';
import { parseSafetensorsHeader } from '../weights/safetensors-header.ts';
import type { Weights } from '../weights/weights.ts';
import { decodePackage, encodePackage, PACKAGE_KEY, type TrainedModel } from './package.ts';

const weights: Weights = new Map([
  ['b', { dtype: 'F32', shape: [2, 1], data: Float32Array.of(1, -2.5) }],
  ['a', { dtype: 'F32', shape: [1], data: Float32Array.of(0.1) }],
]);
const plain = encodeSafetensors(weights);
const trained: TrainedModel = {
  model: { kind: 'unet', features: [4, 8], deepSupervision: true },
  tasks: [TASKS['hinge-points'], TASKS.calcification],
  patch: 16,
  spacing: 2,
  heartCrop: null,
  intensity: CT_INTENSITY,
  weights,
  sha256: sha256Hex(plain),
  origin: { campaign: 'tavi', stage: 'student', round: 3, commit: 'c0'.repeat(32) },
  trainedOnPhantoms: true,
};
const file = encodePackage(trained, '0.1.0');
const headerOf = (bytes: Uint8Array) => JSON.parse(parseSafetensorsHeader(bytes).metadata[PACKAGE_KEY] as string);
/** The file with another header text. */
const saying = (header: unknown) => encodeSafetensors(weights, { [PACKAGE_KEY]: JSON.stringify(header) });

test('a package is read as it was written, and the same model gives the same bytes', () => {
  const read = decodePackage(file, 'm.safetensors');

  expect(read).toEqual({ ...trained, weights: decodeSafetensors(plain), release: '0.1.0' });
  expect(encodePackage(read, '0.1.0')).toEqual(file);
});

test('the tensors are those of the global model, whose hash the header names', () => {
  const { dataStart } = parseSafetensorsHeader(file);

  expect(file.subarray(dataStart)).toEqual(plain.subarray(parseSafetensorsHeader(plain).dataStart));
  expect(headerOf(file)).toMatchObject({ weights: sha256Hex(plain), origin: { global: sha256Hex(plain) } });
});

test('a file whose weights were changed is refused', () => {
  const { dataStart } = parseSafetensorsHeader(file);

  for (let at = dataStart; at < file.length; at += 1) {
    const changed = Uint8Array.from(file);
    changed[at]! ^= 1;
    expect(() => decodePackage(changed, 'm.safetensors')).toThrow(/^m\.safetensors: its weights have SHA-256/);
  }
});

test('a tensor of another name or shape changes the hash too', () => {
  const renamed = new Map([...weights].map(([name, tensor]) => [name.toUpperCase(), tensor]));
  const changed = encodeSafetensors(renamed, { [PACKAGE_KEY]: JSON.stringify(headerOf(file)) });

  expect(() => decodePackage(changed, 'm')).toThrow(expect.objectContaining({ code: 'BAD_WEIGHTS' }));
});

test('a file without the header is refused with what is missing and how to write it', () => {
  expect(() => decodePackage(plain, 'm')).toThrow(
    expect.objectContaining({
      code: 'BAD_WEIGHTS',
      message: expect.stringMatching(/lacks "fedcardio\.package": architecture, tasks, voxel size and normalisation/),
      hint: expect.stringMatching(/--format fedcardio/),
    }),
  );
  const forTorch = encodeSafetensors(weights, { format: 'pt' });
  expect(() => decodePackage(forTorch, 'm')).toThrow(/written for PyTorch/);
});

test.each(['model', 'tasks', 'input', 'origin', 'weights', 'release', 'purpose'])(
  'a header without %s is refused by this name',
  (field) => {
    const { [field]: _, ...rest } = headerOf(file);

    expect(() => decodePackage(saying(rest), 'm')).toThrow(
      expect.objectContaining({ code: 'BAD_MESSAGE', message: expect.stringContaining(`${field}: `) }),
    );
  },
);

test('fields of a later release are ignored, a later major version is not', () => {
  const header = headerOf(file);
  const later = { ...header, licence: 'CC-BY', input: { ...header.input, phase: 'systole' } };

  expect(decodePackage(saying(later), 'm')).toEqual(decodePackage(file, 'm'));
  expect(() => decodePackage(saying({ ...header, schema: 'fedcardio.package/2' }), 'm')).toThrow(
    expect.objectContaining({ code: 'NEWER_SCHEMA' }),
  );
});

test('a package of a CT says what packages of earlier releases said', () => {
  expect(headerOf(file).input.hounsfield).toEqual({ low: -200, high: 1300, mean: 125, deviation: 220 });
  expect(Object.keys(headerOf(file).input).sort()).toEqual(['axes', 'heartCropMm', 'hounsfield', 'patch', 'spacingMm']);
});

test.each<[string, Intensity]>([
  ['another window', { low: -200, high: 700, mean: 125, deviation: 220 }],
  ["MONAI's ScaleIntensityRange from -175 ... 250 to 0 ... 1", { low: -175, high: 250, mean: -175, deviation: 425 }],
  ['statistics of the image', { low: null, high: null, mean: 'image', deviation: 'image', outside: 0 }],
  ['one bound', { low: 0, high: null, mean: 0, deviation: 'image', outside: 0 }],
])('a model of %s keeps its intensity', (_, intensity) => {
  const written = encodePackage({ ...trained, intensity }, '0.1.0');

  expect(decodePackage(written, 'm').intensity).toEqual(intensity);
  expect(encodePackage(decodePackage(written, 'm'), '0.1.0')).toEqual(written);
});

test.each([
  ['a window without values', { low: 5, high: 5, mean: 0, deviation: 1 }],
  ['no deviation', { low: 0, high: 1, mean: 0, deviation: 0 }],
  ['statistics of nothing', { low: 0, high: 1, mean: 'patch', deviation: 1 }],
])('a header with %s is refused', (_, hounsfield) => {
  const { input, ...header } = headerOf(file);

  expect(() => decodePackage(saying({ ...header, input: { ...input, hounsfield } }), 'm')).toThrow(/hounsfield/);
});

test('a model of another axis order is not predicted with', () => {
  const header = headerOf(file);

  expect(() => decodePackage(saying({ ...header, input: { ...header.input, axes: '[x, y, z]' } }), 'm')).toThrow(
    expect.objectContaining({ code: 'NEWER_SCHEMA' }),
  );
});

test('what is no safetensors file is no package', () => {
  expect(() => decodePackage(Buffer.from('{"a":1}, not weights'), 'notes.txt')).toThrow(
    expect.objectContaining({
      code: 'BAD_WEIGHTS',
      message: expect.stringMatching(/^notes\.txt is not a model package/),
    }),
  );
});
