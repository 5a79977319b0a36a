import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FedcardioError } from '../../lib/error.ts';
import { caseFiles } from '../demo/case-files.ts';
import { casesOf, DEMO_TASKS, type SiteScenario } from '../demo/scenario.ts';

export interface PhantomSet {
  /** Number of CTs to train on, and of those with labels of every task of the demo; by default all. */
  readonly cases: number;
  readonly labelled?: number;
  readonly heldOut: number;
  readonly seed: number;
  /** Index of the scanner. */
  readonly scanner: number;
}

/**
 * Writes phantoms as a hospital would lay them out for an upload.
 *
 * @returns the paths of the files, in the order of writing
 * @throws BAD_CONFIGURATION if more cases would have labels than there are, or the folder is not empty: its files would mix with the new ones
 */
export function writePhantoms(dir: string, set: PhantomSet, say: (line: string) => void): readonly string[] {
  const { cases, labelled } = set;
  if (labelled !== undefined && labelled > cases) {
    throw new FedcardioError('BAD_CONFIGURATION', `Of ${cases} cases, ${labelled} cannot have labels.`, {
      hint: 'Choose --labelled of at most --cases.',
    });
  }
  if (existsSync(dir) && readdirSync(dir).length > 0) {
    throw new FedcardioError('BAD_CONFIGURATION', `${dir} is not empty.`, { hint: 'Choose a new folder.' });
  }
  const site = siteOf(set);
  const files: string[] = [];
  for (const one of casesOf(site)) {
    for (const { key, body } of caseFiles(one, set.seed)) {
      const file = join(dir, key);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, body);
      files.push(file);
    }
    say(`${one.caseId}: ${one.tasks.length > 0 ? `with labels of ${one.tasks.join(', ')}` : 'without labels'}`);
  }
  return files;
}

function siteOf({ cases, labelled = cases, heldOut, scanner }: PhantomSet): SiteScenario {
  return {
    id: 'phantoms',
    name: 'Phantoms',
    index: scanner,
    external: false,
    cohort: 'demo',
    training: cases,
    labelled: Object.fromEntries(DEMO_TASKS.map((task) => [task, labelled])),
    evaluation: heldOut,
    tasks: DEMO_TASKS,
    landmarks: 'markups',
  };
}
