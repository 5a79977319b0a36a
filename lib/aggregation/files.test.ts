import { describe, expect, test } from 'vitest';
import { createMemoryObjects } from '../storage/testing-objects.ts';
import { parseSafetensorsHeader } from '../weights/header.ts';
import { encodeSafetensors, encodeSafetensorsHeader } from '../weights/safetensors.ts';
import { openFile } from './files.ts';

describe('openFile', () => {
  test('reads headers that are longer than its first request', async () => {
    const objects = createMemoryObjects();
    const names = Array.from({ length: 6000 }, (_, i) => `encoder.${i}.weight`);
    const file = encodeSafetensors(
      new Map(names.map((name) => [name, { dtype: 'F32', shape: [1], data: new Float32Array(1) }])),
    );
    await objects.put('b', 'k', file);

    const { header, headerBytes } = await openFile(objects, 'b', { key: 'k', sha256: '', bytes: file.length }, 1024);

    expect(headerBytes.length).toBeGreaterThan(128 * 1024);
    expect(header).toEqual(parseSafetensorsHeader(file));
    expect(Buffer.compare(headerBytes, file.subarray(0, headerBytes.length))).toBe(0);
  });

  test('reads a small file whole, with one request, and refuses one of another length', async () => {
    const objects = createMemoryObjects();
    const file = encodeSafetensors(new Map([['w', { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) }]]));
    await objects.put('b', 'k', file);
    const stated = (bytes: number) => openFile(objects, 'b', { key: 'k', sha256: '', bytes }, 1024);

    expect(Buffer.compare((await stated(file.length)).whole as Uint8Array, file)).toBe(0);
    await expect(stated(file.length + 1)).rejects.toThrow(`k has ${file.length} bytes, not the ${file.length + 1}`);
    await expect(stated(file.length - 1)).rejects.toThrow(`k has ${file.length} bytes, not the ${file.length - 1}`);
  });

  test('keeps no more than it is to keep, and sees when a file that would just fit goes on', async () => {
    const objects = createMemoryObjects();
    const values = new Float32Array(32 * 1024 - 18);
    const file = encodeSafetensors(new Map([['w', { dtype: 'F32', shape: [values.length], data: values }]]));
    expect(file.length).toBe(128 * 1024);
    const [bytes, stated] = [file.length, { key: 'k', sha256: '', bytes: file.length }];
    await objects.put('b', 'k', file);

    expect((await openFile(objects, 'b', stated, bytes)).whole?.length).toBe(bytes);
    expect((await openFile(objects, 'b', stated, bytes - 1)).whole).toBeUndefined();
    await objects.put('b', 'k', Buffer.concat([file, Buffer.alloc(200_000)]));
    await expect(openFile(objects, 'b', stated, bytes)).rejects.toThrow(/^k has (more|\d+) bytes, not the \d+/);
  });

  test('refuses a file that ends within its header', async () => {
    const objects = createMemoryObjects();
    const cut = encodeSafetensorsHeader(new Map([['w', { dtype: 'F32', shape: [9] }]])).subarray(0, 30);
    await objects.put('b', 'k', cut);
    await expect(openFile(objects, 'b', { key: 'k', sha256: '', bytes: 30 }, 1024)).rejects.toThrow(
      expect.objectContaining({ code: 'BAD_WEIGHTS' }),
    );
  });
});
