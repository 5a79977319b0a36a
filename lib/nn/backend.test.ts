import { expect, test } from 'vitest';
import { loadBackend } from './backend.ts';
import { kernels } from './backend-kernels.ts';
import { tf } from './tf.ts';

test('without a backend there are no kernels, not even those of pure JavaScript', async () => {
  await tf.setBackend('cpu');
  expect(() => kernels()).toThrow(expect.objectContaining({ code: 'NO_BACKEND' }));
});

test('WebAssembly always loads and describes itself', async () => {
  const backend = await loadBackend('wasm');
  expect(backend.name).toBe('wasm');
  expect(backend.description).toMatch(/^WebAssembly \(SIMD, 1 thread\), by configuration$/);
  expect(tf.getBackend()).toBe('wasm');
});

test('the best backend is resolved once', async () => {
  const [first, second] = await Promise.all([loadBackend('auto'), loadBackend('auto')]);
  expect(second).toBe(first);
  expect(first.description).toMatch(/^native TensorFlow \S+ on |^WebAssembly .*does not load/);
});

test('an unknown preference is refused', async () => {
  await expect(loadBackend('webgl')).rejects.toMatchObject({ code: 'BAD_CONFIGURATION' });
});
