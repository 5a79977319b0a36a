import { encode } from 'fast-png';
import { type SiteKey, siteKeys } from '../../lib/federation/keys.ts';
import { writeNifti } from '../../lib/imaging/nifti-write.ts';
import { phantomOf } from './case-files.ts';
import { casesOf, type Scenario, type SiteScenario } from './scenario.ts';

/** An invalid file, of a kind that hospitals do upload. */
export interface BrokenFile {
  readonly site: string;
  readonly caseId: string;
  readonly key: SiteKey;
  readonly body: Uint8Array;
}

/** A truncated CT, a screenshot with the name of a CT, and a label of another scan. */
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

/** A label of the last training CT that lacks the last slice. */
function labelOnOtherGrid(site: SiteScenario, seed: number): BrokenFile {
  const target = casesOf(site).findLast(({ use, tasks }) => use === 'training' && tasks.length === 0);
  if (!target) throw new Error(`${site.name} has no unlabelled CT for a wrong label.`);
  const { shape, affine, data } = phantomOf(target, seed).masks.calcification;
  const [nx, ny, nz] = shape;
  const body = writeNifti({ shape: [nx, ny, nz - 1], affine, data: data.subarray(0, nx * ny * (nz - 1)) });
  return {
    site: site.id,
    caseId: target.caseId,
    key: siteKeys.label(target.use, target.caseId, 'calcification'),
    body,
  };
}

function siteOf(scenario: Scenario, id: string): SiteScenario {
  const site = scenario.sites.find((candidate) => candidate.id === id);
  if (!site) throw new Error(`The scenario has no site "${id}".`);
  return site;
}
