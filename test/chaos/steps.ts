/** Named steps of a round's life, which a process or the server can be struck at. Each is one request. */
export interface Step {
  /** Who makes the request: the coordinator's functions, a site's functions, or a GPU task. */
  readonly by: 'coordinator' | 'site' | 'gpu-task';
  readonly method: 'PUT' | 'GET' | 'POST';
  /** Regular expression of `METHOD bucket/key`, or `POST Action queue`. */
  readonly pattern: string;
  /** Whether only campaigns with secure aggregation have it. */
  readonly masked?: boolean;
}

const step = (by: Step['by'], method: Step['method'], pattern: string): Step => ({ by, method, pattern });
const maskedStep = (...of: Parameters<typeof step>): Step => ({ ...step(...of), masked: true });

export const STEPS = {
  'count cases': step('site', 'PUT', '-federation/sites/[^/]+/summary\\.json$'),
  'catalog a case': step('site', 'PUT', '/catalog/[^/]+\\.json$'),
  'claim content': step('site', 'PUT', '/content/[^/]+\\.json$'),
  plan: step('coordinator', 'PUT', '/plan\\.json$'),
  'open a round': step('coordinator', 'PUT', '/open\\.json$'),
  'send a GPU task': step('coordinator', 'POST', '^SendMessage [^ ]*-tasks$'),
  'note what was sent': step('coordinator', 'PUT', '/sent\\.json$'),
  'claim a round': step('coordinator', 'PUT', '/lease\\.json$'),
  'store the merge': step('coordinator', 'PUT', '/models/.*\\.safetensors$'),
  seal: step('coordinator', 'PUT', '/seal\\.json$'),
  'name the model': step('coordinator', 'PUT', '/merged\\.json$'),
  commit: step('coordinator', 'PUT', '/commit\\.json$'),
  'end the campaign': step('coordinator', 'PUT', '/campaigns/aortic/outcome\\.json$'),
  'delete messages': step('coordinator', 'POST', '^DeleteMessageBatch '),
  'read the model': step('gpu-task', 'GET', '/models/.*\\.safetensors$'),
  'read a CT': step('gpu-task', 'GET', '/cases/.*image\\.nii\\.gz$'),
  checkpoint: step('gpu-task', 'PUT', '/unfinished/'),
  'store a pseudo-label': step('gpu-task', 'PUT', '/pseudo-labels/'),
  'keep optimizer state': step('gpu-task', 'PUT', '/checkpoints/'),
  'record lineage': step('gpu-task', 'PUT', '/lineage/'),
  'record what is sent': step('gpu-task', 'PUT', '-site-[^/]+/sent/'),
  'publish weights': step('gpu-task', 'PUT', '/updates/.*\\.safetensors$'),
  'publish an update': step('gpu-task', 'PUT', '/updates/.*\\.update\\.json$'),
  'ask for keys': maskedStep('coordinator', 'PUT', '/setup/1/sites\\.json$'),
  'name the cohort': maskedStep('coordinator', 'PUT', '/cohort\\.json$'),
  'list the survivors': maskedStep('coordinator', 'PUT', '/survivors\\.json$'),
  'store the masked sum': maskedStep('coordinator', 'PUT', '/sum-.*\\.safetensors$'),
  'open the sum': maskedStep('coordinator', 'PUT', '/opened\\.json$'),
  'keep a secret': maskedStep('site', 'PUT', '-site-[^/]+/(?:secure|identity)/'),
  'give a short answer': maskedStep('site', 'PUT', '/updates/.*\\.step\\.json$'),
  'note a masked update': maskedStep('gpu-task', 'PUT', '-site-[^/]+/secure/'),
} satisfies Readonly<Record<string, Step>>;

export type StepName = keyof typeof STEPS;
export const STEP_NAMES = Object.keys(STEPS) as StepName[];
