/**
 * An object, a queue and a key of each kind, that the test requests. Written out here, not derived from the declarations
 * that the policies derive from.
 */

/** Objects in a site's bucket. */
export const SITE_OBJECTS = {
  cases: 'cases/p1/image.nii.gz',
  'held-out': 'held-out/p2/labels/calcium.nii.gz',
  catalog: 'catalog/p1.json',
  rejected: 'rejected/p3.json',
  content: 'content/5feceb66.json',
  policy: 'policy.json',
  consents: 'consents/tavi-1.json',
  rescan: 'rescan/examined.json',
  withdrawn: 'withdrawn/5feceb66.json',
  sent: 'sent/tavi-1/student/0001.json',
  lineage: 'lineage/tavi-1/student/0001.json',
  ledger: 'privacy/ledger.json',
  secret: 'privacy/secret.json',
  'pseudo-labels': 'pseudo-labels/tavi-1/pseudo-label/calcium/p1.nii.gz',
  predictions: 'predictions/tavi-1/student/p2/calcium.nii.gz',
  checkpoints: 'checkpoints/tavi-1/student/0001/optimizer.safetensors',
  unfinished: 'unfinished/tavi-1/student/0001.safetensors',
  jobs: 'jobs/tavi-1/student/0001.json',
  identity: 'identity/signing-key.json',
  secure: 'secure/tavi-1/secret.json',
} as const;

const ADDRESS = 'tavi-1/teacher/calcium/0001';
const ROUND = `campaigns/${ADDRESS}`;

/** Objects in the federation bucket, named from the view of `site`; `other` is another site. */
export const federationObjects = (site: string, other: string) =>
  ({
    tasks: 'tasks.json',
    'own summary': `sites/${site}/summary.json`,
    "another's summary": `sites/${other}/summary.json`,
    'own consent': `sites/${site}/consents/tavi-1.consent.json`,
    "another's consent": `sites/${other}/consents/tavi-1.consent.json`,
    'own notice': `sites/${site}/withdrawals/5feceb66.json`,
    "another's notice": `sites/${other}/withdrawals/5feceb66.json`,
    campaign: 'campaigns/tavi-1/campaign.json',
    control: 'campaigns/tavi-1/control.json',
    plan: 'campaigns/tavi-1/plan.json',
    init: 'init/tavi-1/5feceb66.safetensors',
    outcome: 'campaigns/tavi-1/outcome.json',
    open: `${ROUND}/open.json`,
    sent: `${ROUND}/sent.json`,
    lease: `${ROUND}/lease.json`,
    'merge-job': `${ROUND}/merge-job.json`,
    noise: `${ROUND}/noise.json`,
    seal: `${ROUND}/seal.json`,
    commit: `${ROUND}/commit.json`,
    global: `models/${ADDRESS}/5feceb66.safetensors`,
    start: `models/${ADDRESS}/start.safetensors`,
    merged: `models/${ADDRESS}/merged.json`,
    state: `${ROUND}/state-5feceb66.safetensors`,
    setup: 'campaigns/tavi-1/teacher/calcium/setup/1/sites.json',
    cohort: 'campaigns/tavi-1/teacher/calcium/setup/1/cohort.json',
    asked: `${ROUND}/asked.json`,
    survivors: `${ROUND}/survivors.json`,
    endorsed: `${ROUND}/endorsed.json`,
    opened: `${ROUND}/opened.json`,
    sum: `${ROUND}/sum-5feceb66.safetensors`,
    mean: `${ROUND}/mean-5feceb66.safetensors`,
    'own weights': `updates/${site}/${ADDRESS}/5feceb66.safetensors`,
    'own update': `updates/${site}/${ADDRESS}/5feceb66.update.json`,
    'own failure': `updates/${site}/${ADDRESS}/failed.update.json`,
    'own refusal': `updates/${site}/${ADDRESS}/5feceb66.refusal.json`,
    'own answer': `updates/${site}/${ADDRESS}/reveal.step.json`,
    "another's answer": `updates/${other}/${ADDRESS}/reveal.step.json`,
    "another's weights": `updates/${other}/${ADDRESS}/5feceb66.safetensors`,
    "another's update": `updates/${other}/${ADDRESS}/5feceb66.update.json`,
    "another's failure": `updates/${other}/${ADDRESS}/failed.update.json`,
    "another's refusal": `updates/${other}/${ADDRESS}/5feceb66.refusal.json`,
    // What the key of a stage named after the site could be taken for.
    'forged open': `campaigns/updates/${site}/0001/open.json`,
    'forged seal': `campaigns/updates/${site}/0001/seal.json`,
    'forged update': `campaigns/tavi-1/updates/${site}/0001/5feceb66.update.json`,
  }) as const;

export const QUEUES = {
  'own intake': (site: string) => `heart-${site}-intake`,
  'own tasks': (site: string) => `heart-${site}-tasks`,
  "another's intake": (_site: string, other: string) => `heart-${other}-intake`,
  "another's tasks": (_site: string, other: string) => `heart-${other}-tasks`,
  orchestrate: () => 'heart-orchestrate',
  aggregate: () => 'heart-aggregate',
  'own dead letters': (site: string) => `heart-${site}-tasks-dlq`,
  "the coordinator's dead letters": () => 'heart-aggregate-dlq',
} as const;
