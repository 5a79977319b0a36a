import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { installTensorAddon } from '../scripts/tensor-addon.mjs';

/** A clone whose addon can neither be downloaded nor built: there is no installer, and no compiler on the path. */
let root: string;
const pkg = () => join(root, 'node_modules', '@tensorflow', 'tfjs-node-gpu');
const marker = () => join(pkg(), '.fedcardio-no-addon');

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'fedcardio-addon-'));
  mkdirSync(pkg(), { recursive: true });
  vi.stubEnv('PATH', root);
  vi.stubEnv('FEDCARDIO_BACKEND', '');
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true });
});

function install(again: boolean): string {
  const said: string[] = [];
  installTensorAddon({ root, say: (line: string) => said.push(line), again });
  return said.join('\n');
}

describe('installTensorAddon', () => {
  test('says why there is no addon and how to try again, and remembers it', () => {
    expect(install(false)).toMatch(/none, running on WebAssembly.*\n.*`npm run setup` to try again/);
    expect(existsSync(marker())).toBe(true);
    expect(install(false)).toBe('');
  });

  test('tries again when a person asks', () => {
    writeFileSync(marker(), 'it failed before');

    expect(install(true)).toMatch(/trying [\s\S]*none, running on WebAssembly/);
  });

  test('says what there is when a person asks', () => {
    mkdirSync(join(pkg(), 'lib', 'napi-v8'), { recursive: true });
    writeFileSync(join(pkg(), 'lib', 'napi-v8', 'tfjs_binding.node'), '');

    expect(install(true)).toContain('ready');
    expect(install(false)).toBe('');
    vi.stubEnv('FEDCARDIO_BACKEND', 'wasm');
    expect(install(true)).toContain('FEDCARDIO_BACKEND is wasm');
  });
});
