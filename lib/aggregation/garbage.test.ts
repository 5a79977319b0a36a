import { describe, expect, test, vi } from 'vitest';
import { withoutMarking } from './garbage.ts';

const flags: string[] = vi.hoisted(() => []);
vi.mock('node:v8', () => ({ setFlagsFromString: (flag: string) => flags.push(flag) }));

describe('withoutMarking', () => {
  test('switches marking off for work that overlaps, and on again after the last, whatever came of it', async () => {
    let endFirst = () => {};
    const first = withoutMarking(
      () =>
        new Promise<string>((resolve) => {
          endFirst = () => resolve('first');
        }),
    );
    const second = withoutMarking(() => Promise.reject(new Error('second')));

    await expect(second).rejects.toThrow('second');
    expect(flags).toEqual(['--no-incremental-marking']);
    endFirst();
    expect(await first).toBe('first');
    expect(flags).toEqual(['--no-incremental-marking', '--incremental-marking']);
  });
});
