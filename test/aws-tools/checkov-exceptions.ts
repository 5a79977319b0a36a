import type { Resource } from './templates.ts';

/** A resource of a template. */
interface Subject {
  readonly stackName: string;
  readonly logicalId: string;
  readonly resource: Resource;
}

export interface CheckovException {
  readonly check: string;
  readonly reason: string;
  readonly applies: (subject: Subject) => boolean;
}

const is = (type: string) => (subject: Subject) => subject.resource.Type === `AWS::${type}`;
const isFunction = is('Lambda::Function');
const isCoordinators = ({ stackName }: Subject) => stackName.endsWith('-federation-compute');
const named = (...names: readonly string[]) => {
  const pattern = new RegExp(`^(${names.join('|')})[0-9A-F]{8}$`);
  return ({ logicalId }: Subject) => pattern.test(logicalId);
};

/** The account in a function's description of its federation looks like a secret to checkov. */
const ACCOUNT = /\\?"account\\?":\\?"\d{12}\\?"/g;
const SECRETS = /(?<![\w/+=])[\w/+=]{40}(?![\w/+=])|(AKIA|ASIA)[A-Z0-9]{16}|\d{12}/;
const environmentOf = ({ resource }: Subject) => JSON.stringify(resource.Properties?.Environment ?? {});

/** Checks of checkov that are not followed on purpose, by which resources, and why. All others hold for all resources. */
export const CHECKOV_EXCEPTIONS: readonly CheckovException[] = [
  {
    check: 'CKV_AWS_18',
    reason: 'The bucket of access logs: a log of its own deliveries would grow by itself.',
    applies: (subject) => is('S3::Bucket')(subject) && named('Logs')(subject),
  },
  {
    check: 'CKV_AWS_27',
    reason: 'SQS encrypts the messages with its own key: checkov knows keys of KMS only. Messages name no case.',
    applies: (subject) => is('SQS::Queue')(subject) && subject.resource.Properties?.SqsManagedSseEnabled === true,
  },
  {
    check: 'CKV_AWS_45',
    reason: "Not a secret: the federation's account, in FEDCARDIO_FEDERATION.",
    applies: (subject) => isFunction(subject) && !SECRETS.test(environmentOf(subject).replaceAll(ACCOUNT, '')),
  },
  {
    check: 'CKV_AWS_111',
    reason: "Lambda creates a function's network interfaces with its role. The function's own code is denied it.",
    applies: (subject) => is('IAM::Role')(subject) && named('IntakeRole', 'RescanRole')(subject),
  },
  {
    check: 'CKV_AWS_115',
    reason: 'New accounts allow no concurrency to be reserved. Queues limit their consumers instead.',
    applies: isFunction,
  },
  {
    check: 'CKV_AWS_116',
    reason: 'Consumes a queue that has a dead-letter queue.',
    applies: (subject) => isFunction(subject) && named('Intake', 'Dispatch', 'Orchestrate', 'Aggregate')(subject),
  },
  {
    check: 'CKV_AWS_116',
    reason:
      'Has no queue: Lambda reports events that it did not handle to the alarm topic, its on-failure destination.',
    applies: (subject) => isFunction(subject) && named('Rescan', 'Sweep', 'JobFailed', 'Endpoints')(subject),
  },
  {
    check: 'CKV_AWS_117',
    reason: 'The coordinator handles no patient data, and sends to queues in other regions, which no endpoint reaches.',
    applies: (subject) => isFunction(subject) && isCoordinators(subject),
  },
  {
    check: 'CKV_AWS_117',
    reason: 'Handles no patient data, and calls services for which the network has no endpoint.',
    applies: (subject) => isFunction(subject) && named('Dispatch', 'JobFailed', 'Endpoints')(subject),
  },
  {
    check: 'CKV_AWS_173',
    reason: 'Environments hold names and numbers, no secrets. Lambda encrypts them with a key of AWS.',
    applies: isFunction,
  },
];
