import { FedcardioError } from '../error.ts';

/** A well-known file that is not safetensors. */
interface Format {
  readonly name: string;
  readonly is: (file: Buffer) => boolean;
  /** What to do, with the file's name and the name of the safetensors file to write. */
  readonly way: (from: string, to: string) => string;
}

const starts =
  (...magic: readonly number[]) =>
  (file: Buffer): boolean =>
    magic.every((byte, i) => file[i] === byte);

const startsWith = (text: string) => (file: Buffer) => file.subarray(0, text.length).equals(Buffer.from(text));

const isZip = starts(0x50, 0x4b, 3, 4);
/** The name of a ZIP archive's first entry. */
const firstEntry = (file: Buffer): string => file.toString('latin1', 30, 30 + file.readUInt16LE(26));
const isZipWith = (entry: RegExp) => (file: Buffer) => isZip(file) && file.length > 30 && entry.test(firstEntry(file));

/** Saves the dictionary of tensors that the Python expression `state` gives. */
const save = (imports: string, state: string, to: string): string =>
  `Convert it: python -c '${imports}, safetensors.torch as s; c = ${state}; s.save_file({k: v.clone().contiguous() for k, v in c.items() if torch.is_tensor(v)}, "${to}")'`;

/** Checkpoints of training loops keep the state_dict under one of these keys. */
const unpack = (load: string) =>
  `${load}; c = next((c[k] for k in ("state_dict", "network_weights", "model_state_dict", "model") if k in c), c)`;

const fromTorch = (from: string, to: string): string =>
  `${save('import torch', unpack(`torch.load("${from}", map_location="cpu", weights_only=True)`), to)}. If that refuses an nnU-Net checkpoint of your own, say weights_only=False; never do so with a file that you do not trust.`;

/** Where the JSON of a safetensors header starts. */
const HEADER_AT = 8;
const OPENING_BRACE = 0x7b;

/** In the order of their checks. */
const FORMATS: readonly Format[] = [
  {
    name: 'a TorchScript archive',
    is: (file) => isZip(file) && file.includes('/code/__torch__'),
    way: (from, to) => `${save('import torch', `torch.jit.load("${from}", map_location="cpu").state_dict()`, to)}.`,
  },
  { name: 'a PyTorch checkpoint', is: isZipWith(/(^|\/)(data\.pkl|\.format_version|\.data\/.*)$/), way: fromTorch },
  // torch.save before PyTorch 1.6: a pickle whose first value is this number of ten bytes.
  {
    name: "a PyTorch checkpoint in PyTorch's old format",
    is: (file) => file.subarray(2, 14).equals(Buffer.from('8a0a6cfc9c46f9206aa85019', 'hex')),
    way: fromTorch,
  },
  { name: 'a Python pickle', is: (file) => file[0] === 0x80 && file[1]! >= 2 && file[1]! <= 5, way: fromTorch },
  {
    name: "an archive of NumPy's arrays (.npz)",
    is: isZipWith(/\.npy$/),
    way: (from, to) =>
      `Convert it: python -c 'import numpy, safetensors.numpy as s; s.save_file(dict(numpy.load("${from}")), "${to}")'. The names must be those of the PyTorch module.`,
  },
  {
    name: 'a NumPy array (.npy)',
    is: startsWith('\x93NUMPY'),
    way: () => 'One array is no model: save all tensors of the state_dict, with their names, as safetensors.',
  },
  {
    name: 'a Keras archive (.keras)',
    is: isZipWith(/^(metadata|config)\.json$/),
    way: () => 'Networks of Keras have other names and layouts. Train the network in PyTorch, or start without "init".',
  },
  {
    name: 'an HDF5 file (.h5)',
    is: starts(0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a),
    way: (from, to) =>
      `If it holds a PyTorch state_dict, convert it: python -c 'import h5py, safetensors.numpy as s; d = {}; h5py.File("${from}").visititems(lambda n, o: d.update({n.replace("/", "."): o[()]}) if hasattr(o, "shape") else None); s.save_file(d, "${to}")'. Networks of Keras have other names and layouts and cannot be imported.`,
  },
  {
    name: 'an ONNX model',
    // Protobuf: field 1, ir_version, then field 2, producer_name, field 7, graph, or field 8, opset_import.
    is: (file) => file[0] === 8 && file[1]! < 32 && [0x12, 0x3a, 0x42].includes(file[2]!),
    way: (from, to) =>
      `Convert the checkpoint that it was exported from. If there is none: python -c 'import onnx, onnx.numpy_helper as h, safetensors.numpy as s; s.save_file({t.name: h.to_array(t) for t in onnx.load("${from}").graph.initializer}, "${to}")', if its tensors have kept the names of the PyTorch module.`,
  },
  {
    name: 'a TensorFlow checkpoint (.ckpt)',
    is: (file) => file.subarray(-8).equals(Buffer.from('57fb808b247547db', 'hex')),
    way: () =>
      'Networks of TensorFlow have other names and layouts. Train the network in PyTorch, or start without "init".',
  },
  {
    name: 'a Git LFS pointer',
    is: startsWith('version https://git-lfs'),
    way: () => 'Fetch the file with `git lfs pull`.',
  },
  {
    name: 'a web page',
    is: (file) => /^\s*<(!doctype|html)/i.test(file.toString('latin1', 0, 64)),
    way: () => 'Download the file again: the server answered with a page, for example to log in.',
  },
  {
    name: 'a GGUF model',
    is: startsWith('GGUF'),
    way: () => 'Import the checkpoint that it was made from.',
  },
  {
    name: 'a list of the parts of a model (.safetensors.index.json)',
    is: (file) => file[0] === 0x7b && file.subarray(0, 4096).includes('"weight_map"'),
    way: () => 'Load the model in Python, and save its state_dict as one file.',
  },
  { name: 'a gzip file', is: starts(0x1f, 0x8b), way: () => 'Unpack it, and import what is inside.' },
  { name: 'a ZIP archive', is: isZip, way: () => 'Unpack it, and import what is inside.' },
  {
    name: 'a tar archive',
    is: (file) => file.subarray(257, 262).equals(Buffer.from('ustar')),
    way: () => 'Unpack it, and import what is inside.',
  },
];

/**
 * Recognises a model in another format than safetensors by its first bytes, whatever its name is.
 *
 * @param name the file's name, for the command that converts it
 * @throws FedcardioError `BAD_WEIGHTS` that names the format and says how to convert it
 */
export function rejectForeignWeights(bytes: Uint8Array, name: string): void {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length === 0) {
    throw new FedcardioError('BAD_WEIGHTS', `${name} is empty (0 bytes).`, { hint: 'Copy the file again.' });
  }
  // First, since the length of a header may be the magic number of another format: 640 bytes begin like a pickle.
  if (file[HEADER_AT] === OPENING_BRACE && file.readUInt32LE(4) === 0) return;
  const format = FORMATS.find(({ is }) => is(file));
  if (format) {
    const from = /["'\\]/.test(name) ? 'FILE' : name;
    throw new FedcardioError('BAD_WEIGHTS', `${name} is ${format.name}, not safetensors.`, {
      hint: format.way(
        from,
        `${from.replace(/(\.(pth?|ckpt|np[yz]|h5|hdf5|onnx|pkl|bin|model|tar))+$/i, '')}.safetensors`,
      ),
    });
  }
  throw new FedcardioError('BAD_WEIGHTS', `${name} is not a safetensors file: it does not begin with a header.`, {
    hint: "Save the network's state_dict with safetensors.torch.save_file.",
  });
}
