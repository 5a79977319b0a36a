import { encode } from 'fast-png';
import { type SiteKey, siteKeys } from '../../lib/federation/keys.ts';
import { writeNifti } from '../../lib/imaging/nifti-write.ts';
import { phantomOf } from './case-files.ts';
import { casesOf, type Scenario, type SiteScenario } from './scenario.ts';

/** A file that is wrong on purpose, as hospitals do upload them. */
export interface BrokenFile {
  readonly site: string;
  readonly caseId: string;
  readonly key: SiteKey;
  readonly body: Uint8Array;
}

/** A CT that was cut off while it was copied, a screenshot under a CT's name, and a label of another scan. */
export function brokenFiles(scenario: Scenario): readonly BrokenFile[] {
  const [cut, screenshot, misplaced] = ['muenster', 'frankfurt', 'goettingen'].map((id) => siteOf(scenario, id)) as [
    SiteScenario,
    SiteScenario,
    SiteScenario,
  ];
  return [truncatedImage(cut, scenario.seed), renamedPng(screenshot), labelOnOtherGrid(misplaced, scenario.seed)];
}

function truncatedImage(site: SiteScenario, seed: number): BrokenFile {
  const caseId = 'p901';
  const { image } = phantomOf({ site, caseId, use: 'training', tasks: [] }, seed);
  const whole = writeNifti(image);
  return { site: site.id, caseId, key: siteKeys.image('training', caseId), body: whole.subarray(0, whole.length / 2) };
}

function renamedPng(site: SiteScenario): BrokenFile {
  const caseId = 'p902';
  const side = 64;
  const data = Uint8Array.from({ length: side * side }, (_, index) => (index % side) * 4);
  const body = encode({ width: side, height: side, data, channels: 1, depth: 8 });
  return { site: site.id, caseId, key: siteKeys.image('training', caseId), body };
}

/** A label for the last training CT, whose grid lacks its last slice. */
function labelOnOtherGrid(site: SiteScenario, seed: number): BrokenFile {
  const of = casesOf(site).findLast(({ use, tasks }) => use === 'training' && tasks.length === 0);
  if (!of) throw new Error(`${site.name} has no unlabelled CT to attach a wrong label to.`);
  const { shape, affine, data } = phantomOf(of, seed).masks.calcification;
  const [nx, ny, nz] = shape;
  const body = writeNifti({ shape: [nx, ny, nz - 1], affine, data: data.subarray(0, nx * ny * (nz - 1)) });
  return { site: site.id, caseId: of.caseId, key: siteKeys.label(of.use, of.caseId, 'calcification'), body };
}

function siteOf(scenario: Scenario, id: string): SiteScenario {
  const site = scenario.sites.find((candidate) => candidate.id === id);
  if (!site) throw new Error(`The scenario has no site "${id}".`);
  return site;
}
