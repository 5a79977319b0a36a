import { readFileSync } from 'node:fs';
import { UNREADABLE } from './refusal.ts';

/** The part of emscripten's module that is used. */
interface Module {
  readonly callMain: (args: string[]) => number;
  readonly FS: {
    readonly mkdir: (path: string) => void;
    readonly readdir: (path: string) => readonly string[];
    readonly readFile: (path: string) => Uint8Array;
    readonly createDataFile: (...args: readonly [string, string, Uint8Array, boolean, boolean, boolean]) => void;
  };
}
type Factory = (options: object) => Promise<Module>;

/** One uncompressed NIfTI file, values as stored, no cropping, no sidecar, no merging of different series. */
const ARGUMENTS = ['-z', 'n', '-b', 'n', '-l', 'o', '-x', 'n', '-m', 'n', '-f', 'v', '-o', '/out', '/in'] as const;

let loaded: Promise<{ readonly create: Factory; readonly wasmBinary: Uint8Array }> | undefined;

/** The package exports only its browser worker, so the module beside it is imported by its path. */
async function load() {
  const entry = import.meta.resolve('@niivue/dcm2niix');
  const { default: create } = (await import(new URL('dcm2niix.jpeg.js', entry).href)) as { default: Factory };
  return { create, wasmBinary: readFileSync(new URL('dcm2niix.jpeg.wasm', entry)) };
}

/**
 * Runs dcm2niix on slices of one stack, in a WebAssembly instance of its own. What it prints may quote headers and is
 * not passed on; its exit code does not tell whether it succeeded, so that any warning and any number of files but one is a failure.
 *
 * @returns the NIfTI file
 * @throws BAD_IMAGE if the slices do not become one volume
 */
export async function runDcm2niix(files: Iterable<Uint8Array>): Promise<Uint8Array> {
  loaded ??= load();
  const { create, wasmBinary } = await loaded;
  const lines: string[] = [];
  const collect = (line: string) => lines.push(line);
  const { FS, callMain } = await create({ wasmBinary, print: collect, printErr: collect });
  FS.mkdir('/in');
  FS.mkdir('/out');
  let count = 0;
  for (const file of files) {
    FS.createDataFile('/in', `${String(count).padStart(6, '0')}.dcm`, file, true, true, true);
    count += 1;
  }
  try {
    callMain([...ARGUMENTS]);
  } catch {
    throw UNREADABLE;
  }
  const [name, ...more] = FS.readdir('/out').filter((entry) => !entry.startsWith('.'));
  if (name === undefined || more.length > 0 || lines.some(isComplaint)) throw UNREADABLE;
  return FS.readFile(`/out/${name}`);
}

/** The slices name no manufacturer, so that no correction for one is made. Nothing else may be unusual about them. */
const isComplaint = (line: string): boolean => /warning|error/i.test(line) && !line.includes('manufacturer');
