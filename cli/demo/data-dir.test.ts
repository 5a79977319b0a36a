import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDemoDirectory } from './data-dir.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fedcardio-demo-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const fresh = { profile: undefined, seed: undefined, resume: false } as const;
const resumed = { ...fresh, resume: true } as const;
const quiet = () => undefined;
const event = { at: 1.5, event: { type: 'upload', site: 'berlin', caseId: 'p001' } } as const;

describe('openDemoDirectory', () => {
  test('resumes with the stored seed, profile and events', async () => {
    const path = join(root, 'demo');
    const first = await openDemoDirectory(path, { profile: 'quick', seed: 7, resume: false }, quiet);
    first.append(event);
    first.save({ finished: false, peakRss: 123 });
    const second = await openDemoDirectory(path, resumed, quiet);
    expect(second).toMatchObject({ profile: 'quick', seed: 7, peakRss: 123, events: [event] });
  });

  test('skips an incomplete last line and keeps later events', async () => {
    const path = join(root, 'demo');
    (await openDemoDirectory(path, fresh, quiet)).append(event);
    appendFileSync(join(path, 'events.jsonl'), '{"at":2,"eve');
    (await openDemoDirectory(path, resumed, quiet)).append({ ...event, at: 3 });
    expect((await openDemoDirectory(path, resumed, quiet)).events.map(({ at }) => at)).toEqual([1.5, 3]);
  });

  test('can be resumed after its disk was full when its state was saved', async () => {
    const path = join(root, 'demo');
    const first = await openDemoDirectory(path, { ...fresh, seed: 7 }, quiet);
    // In place of a disk without space: the state cannot be written.
    mkdirSync(join(path, 'demo.json.new'));
    expect(() => first.save({ finished: false, peakRss: 1 })).toThrow();
    rmSync(join(path, 'demo.json.new'), { recursive: true });

    expect(await openDemoDirectory(path, resumed, quiet)).toMatchObject({ seed: 7 });
  });

  test('starts again without --resume and reports that it removes an unfinished demo', async () => {
    const path = join(root, 'demo');
    (await openDemoDirectory(path, fresh, quiet)).append(event);
    const said: string[] = [];
    const again = await openDemoDirectory(path, fresh, (line) => said.push(line));
    expect(again.events).toEqual([]);
    expect(said.join()).toContain('--resume');
  });

  test('says that it removes a finished demo, and how to keep it', async () => {
    const path = join(root, 'demo');
    (await openDemoDirectory(path, { ...fresh, seed: 9 }, quiet)).save({ finished: true, peakRss: 1 });
    const said: string[] = [];
    await openDemoDirectory(path, fresh, (line) => said.push(line));
    expect(said.join()).toMatch(/finished demo .*seed 9.*--data/);
  });

  test('never removes a directory that is not a demo', async () => {
    const path = join(root, 'thesis');
    mkdirSync(path);
    writeFileSync(join(path, 'chapter-1.txt'), 'years of work');
    await expect(openDemoDirectory(path, fresh, quiet)).rejects.toMatchObject({ code: 'BAD_CONFIGURATION' });
    expect(existsSync(join(path, 'chapter-1.txt'))).toBe(true);
  });

  test('refuses to resume without a demo, or with another seed or profile', async () => {
    const path = join(root, 'demo');
    await expect(openDemoDirectory(path, resumed, quiet)).rejects.toMatchObject({ code: 'BAD_CONFIGURATION' });
    await openDemoDirectory(path, { ...fresh, seed: 3 }, quiet);
    await expect(openDemoDirectory(path, { ...resumed, seed: 4 }, quiet)).rejects.toThrow(/seed 3/);
    await expect(openDemoDirectory(path, { ...resumed, profile: 'quick' }, quiet)).rejects.toThrow(/profile full/);
  });

  test('does not remove a demo that another process runs', async () => {
    const path = join(root, 'demo');
    const { server } = await openDemoDirectory(path, fresh, quiet);
    mkdirSync(server, { recursive: true });
    writeFileSync(join(server, 'lock'), String(process.ppid));
    await expect(openDemoDirectory(path, fresh, quiet)).rejects.toThrow(/Process \d+ is using/);
    expect(existsSync(join(path, 'demo.json'))).toBe(true);
  });
});
