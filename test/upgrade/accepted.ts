import type { Change } from './changes.ts';

export interface Accepted {
  readonly reason: string;
  readonly applies: (change: Change) => boolean;
}

/** Data that this release replaces or loses on purpose, and names that conflict. Each is said in CHANGELOG.md. */
export const ACCEPTED: readonly Accepted[] = [
  {
    reason: 'One key for each account and region takes the place of one for each bucket, queue and log.',
    applies: ({ kind, type, id }) => kind === 'lost' && type === 'AWS::KMS::Key' && /^(Bucket|Queue|Log)Key/.test(id),
  },
  {
    reason: 'The image repository moves to a stack that stays. Nothing has deployed the stack that had it.',
    applies: ({ type, id }) => type === 'AWS::ECR::Repository' && id.startsWith('Images'),
  },
  {
    reason: 'Networks are named by account and region. They hold no data but the log of their connections.',
    applies: ({ kind, type, stack }) =>
      kind === 'lost' && type === 'AWS::Logs::LogGroup' && /-network-\d+$/.test(stack),
  },
];
