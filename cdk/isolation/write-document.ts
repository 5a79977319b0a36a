/** `npm run docs:isolation`: writes what AWS would allow into docs/security.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { withMatrix } from './document.ts';
import { compareCoordinator, compareSite } from './tables.ts';
import { FEDERATION, synthesizeAll } from './testing.ts';
import { readWorld } from './world.ts';

const world = readWorld(synthesizeAll(FEDERATION));
const comparisons = [...(await compareSite(world, 'bonn', 'ulm')), ...(await compareCoordinator(world, 'bonn'))];
writeFileSync('docs/security.md', withMatrix(readFileSync('docs/security.md', 'utf8'), comparisons));
