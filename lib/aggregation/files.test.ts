import { describe, expect, test } from 'vitest';
import { keyOf } from '../federation/testing.ts';
import { encodeSafetensors, encodeSafetensorsHeader } from '../weights/safetensors.ts';
import { parseSafetensorsHeader } from '../weights/safetensors-header.ts';
import { openFile } from './files.ts';
import { memoryStore } from './testing.ts';

describe('openFile', () => {
  test('reads headers that are longer than the first request', async () => {
    const store = memoryStore();
    const names = Array.from({ length: 6000 }, (_, i) => `encoder.${i}.weight`);
    const file = encodeSafetensors(
      new Map(names.map((name) => [name, { dtype: 'F32', shape: [1], data: new Float32Array(1) }])),
    );
    await store.put(keyOf('k'), file);

    const { header, headerBytes } = await openFile(store, { key: keyOf('k'), sha256: '', bytes: file.length }, 1024);

    expect(headerBytes.length).toBeGreaterThan(128 * 1024);
    expect(header).toEqual(parseSafetensorsHeader(file));
    expect(Buffer.compare(headerBytes, file.subarray(0, headerBytes.length))).toBe(0);
  });

  test('reads a small file with one request, and refuses a file of another length', async () => {
    const store = memoryStore();
    const file = encodeSafetensors(new Map([['w', { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) }]]));
    await store.put(keyOf('k'), file);
    const stated = (bytes: number) => openFile(store, { key: keyOf('k'), sha256: '', bytes }, 1024);

    expect(Buffer.compare((await stated(file.length)).whole as Uint8Array, file)).toBe(0);
    await expect(stated(file.length + 1)).rejects.toThrow(`k has ${file.length} bytes, not the ${file.length + 1}`);
    await expect(stated(file.length - 1)).rejects.toThrow(`k has ${file.length} bytes, not the ${file.length - 1}`);
  });

  test('keeps no file above the limit, and notices when a file is longer than stated', async () => {
    const store = memoryStore();
    const values = new Float32Array(32 * 1024 - 18);
    const file = encodeSafetensors(new Map([['w', { dtype: 'F32', shape: [values.length], data: values }]]));
    expect(file.length).toBe(128 * 1024);
    const [bytes, stated] = [file.length, { key: keyOf('k'), sha256: '', bytes: file.length }];
    await store.put(keyOf('k'), file);

    expect((await openFile(store, stated, bytes)).whole?.length).toBe(bytes);
    expect((await openFile(store, stated, bytes - 1)).whole).toBeUndefined();
    await store.put(keyOf('k'), Buffer.concat([file, Buffer.alloc(200_000)]));
    await expect(openFile(store, stated, bytes)).rejects.toThrow(/^k has (more|\d+) bytes, not the \d+/);
  });

  test('refuses a file that ends within its header', async () => {
    const store = memoryStore();
    const cut = encodeSafetensorsHeader(new Map([['w', { dtype: 'F32', shape: [9] }]])).subarray(0, 30);
    await store.put(keyOf('k'), cut);
    await expect(openFile(store, { key: keyOf('k'), sha256: '', bytes: 30 }, 1024)).rejects.toThrow(
      expect.objectContaining({ code: 'BAD_WEIGHTS' }),
    );
  });
});
