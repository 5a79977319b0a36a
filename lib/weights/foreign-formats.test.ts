import { expect, test } from 'vitest';
import { rejectForeignWeights } from './foreign-formats.ts';
import { encodeSafetensors } from './safetensors.ts';

/** A ZIP archive's first bytes, with the name of its first entry. */
function zip(entry: string, rest = ''): Buffer {
  const header = Buffer.alloc(30);
  header.write('PK\x03\x04', 0, 'latin1');
  header.writeUInt16LE(entry.length, 26);
  return Buffer.concat([header, Buffer.from(`${entry}${rest}`, 'latin1')]);
}

const bytes = (hex: string, length = 600): Buffer => Buffer.concat([Buffer.from(hex, 'hex'), Buffer.alloc(length)]);

test.each([
  ['swin.pt', zip('archive/data.pkl'), 'a PyTorch checkpoint', 'torch.load("swin.pt"', '"swin.safetensors"'],
  ['swin.pth.tar', zip('swin/data.pkl'), 'a PyTorch checkpoint', 'torch.load("swin.pth.tar"', '"swin.safetensors"'],
  ['last.ckpt', zip('archive/data.pkl'), 'a PyTorch checkpoint', 'weights_only=True', '"last.safetensors"'],
  [
    's.pt',
    zip('s/data.pkl', 's/code/__torch__/a.py'),
    'a TorchScript archive',
    'torch.jit.load("s.pt"',
    '"s.safetensors"',
  ],
  [
    'old.pth',
    bytes('80028a0a6cfc9c46f9206aa85019'),
    "in PyTorch's old format",
    'torch.load("old.pth"',
    '"old.safetensors"',
  ],
  ['w.pkl', bytes('80049500'), 'a Python pickle', 'torch.load("w.pkl"', '"w.safetensors"'],
  ['w.npz', zip('encoder.weight.npy'), "NumPy's arrays", 'numpy.load("w.npz")', '"w.safetensors"'],
  ['w.h5', bytes('894844460d0a1a0a'), 'an HDF5 file', 'h5py.File("w.h5")', '"w.safetensors"'],
  ['w.onnx', bytes('080812077079746f726368'), 'an ONNX model', 'onnx.load("w.onnx")', '"w.safetensors"'],
  ['m.keras', zip('metadata.json'), 'a Keras archive', 'PyTorch', 'init'],
  [
    'w.safetensors',
    Buffer.from('version https://git-lfs.github.com/spec/v1\n'),
    'a Git LFS pointer',
    'git lfs pull',
    '',
  ],
  ['w.safetensors', Buffer.from('<!DOCTYPE html><title>Log in'), 'a web page', 'Download', ''],
  ['w.safetensors.gz', bytes('1f8b08'), 'a gzip file', 'Unpack', ''],
])('%s is named for what it holds, with the way out', (name, file, format, ...way) => {
  let error: { readonly code?: string; readonly message?: string; readonly hint?: string } = {};
  try {
    rejectForeignWeights(file, name);
  } catch (thrown) {
    error = thrown as typeof error;
  }

  expect(error.code).toBe('BAD_WEIGHTS');
  expect(error.message).toMatch(/, not safetensors\.$/);
  expect(error.message).toContain(format);
  for (const part of way) expect(error.hint).toContain(part);
});

test.each([
  ['an empty file', Buffer.alloc(0), /is empty \(0 bytes\)\.$/],
  ['a text', Buffer.from('hello, this is no model'), /does not begin with a header\.$/],
  ['three bytes', Buffer.from('abc'), /does not begin with a header\.$/],
])('%s is refused', (_, file, message) => {
  expect(() => rejectForeignWeights(file, 'w.safetensors')).toThrow(message);
});

test('safetensors pass, also when the length of the header begins like a pickle', () => {
  const one = new Map([['a', { dtype: 'F32', shape: [1], data: Float32Array.of(1) } as const]]);
  const plain = encodeSafetensors(one);
  const padded = encodeSafetensors(one, { note: 'x'.repeat(0x280 - 8 - (plain.length - 8 - 4) - 20) });
  const pickleLike = Buffer.from(padded);
  pickleLike.writeBigUInt64LE(0x280n);

  expect(pickleLike.subarray(0, 2).toString('hex')).toBe('8002');
  for (const file of [plain, padded, pickleLike]) expect(() => rejectForeignWeights(file, 'w')).not.toThrow();
});
