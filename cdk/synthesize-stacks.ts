import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FUNCTION_NAMES } from '../lib/federation/functions.ts';
import type { Topology } from '../lib/federation/topology.ts';
import { addStacks } from './stacks.ts';
import { type StackTemplate, synthesize } from './synthesize.ts';

/**
 * The templates of all stacks as `cdk synth` writes them, without bundles: where a function's code is stored differs, nothing
 * else. Needs neither credentials nor `npm run build`.
 */
export function synthesizeStacks(topology: Topology): readonly StackTemplate[] {
  const handlers = mkdtempSync(join(tmpdir(), 'fedcardio-handlers-'));
  try {
    for (const name of FUNCTION_NAMES) {
      mkdirSync(join(handlers, name));
      writeFileSync(join(handlers, name, 'index.mjs'), '');
    }
    return synthesize((app) => addStacks(app, topology, handlers));
  } finally {
    rmSync(handlers, { recursive: true });
  }
}
