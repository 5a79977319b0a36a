import { describe, expect, test, vi } from 'vitest';
import { withoutIncrementalMarking } from './incremental-marking.ts';

const flags: string[] = vi.hoisted(() => []);
vi.mock('node:v8', () => ({ setFlagsFromString: (flag: string) => flags.push(flag) }));

describe('withoutIncrementalMarking', () => {
  test('switches marking off while any work runs, and on again after the last one ends, even after an error', async () => {
    let endFirst = () => {};
    const first = withoutIncrementalMarking(
      () =>
        new Promise<string>((resolve) => {
          endFirst = () => resolve('first');
        }),
    );
    const second = withoutIncrementalMarking(() => Promise.reject(new Error('second')));

    await expect(second).rejects.toThrow('second');
    expect(flags).toEqual(['--no-incremental-marking']);
    endFirst();
    expect(await first).toBe('first');
    expect(flags).toEqual(['--no-incremental-marking', '--incremental-marking']);
  });
});
