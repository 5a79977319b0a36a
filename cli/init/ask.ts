import type { Interface } from 'node:readline/promises';
import { describeError } from '../../lib/error.ts';
import type { Task } from '../../lib/federation/tasks.ts';
import { printable } from '../../lib/printable.ts';
import { type Answers, campaignOf, federationOf } from './documents.ts';

/** Words of a list that is typed with commas, spaces or both. */
export const listOf = (text: string): readonly string[] => text.split(/[\s,]+/).filter((word) => word !== '');

interface Question {
  readonly text: string;
  /** As the answer is typed. */
  readonly suggested: string;
  readonly apply: (answers: Answers, text: string) => Answers;
}

/** Empty answers are "none" only where nothing is suggested. */
const optional = (text: string): string | undefined => (text === '' ? undefined : text);

const questionsOf = (start: Answers): readonly Question[] => [
  { text: 'Id of the federation', suggested: start.id, apply: (of, id) => ({ ...of, id }) },
  {
    text: 'Ids of the sites, separated by commas',
    suggested: start.sites.join(','),
    apply: (of, text) => ({ ...of, sites: listOf(text) }),
  },
  {
    text: `Tasks to learn, separated by commas`,
    suggested: start.tasks.join(','),
    apply: (of, text) => ({ ...of, tasks: listOf(text) }),
  },
  { text: 'Id of the first campaign', suggested: start.campaign, apply: (of, campaign) => ({ ...of, campaign }) },
];

const ACCOUNT = 'AWS account of the coordinator, 12 digits (empty: not on AWS, or the account of whoever deploys)';

/** Asks until the answers make valid documents. A fault is said at the question that has it. */
export async function askAnswers(
  { question }: Pick<Interface, 'question'>,
  say: (line: string) => void,
  start: Answers,
  known: readonly Task[],
): Promise<Answers> {
  const untilValid = async (text: string, suggested: string, apply: (text: string) => Answers): Promise<Answers> => {
    for (;;) {
      const typed = (await question(`${text}${suggested ? ` [${suggested}]` : ''}: `)).trim();
      const answers = apply(typed || suggested);
      try {
        federationOf(answers);
        campaignOf(answers, known);
        return answers;
      } catch (error) {
        say(`  ${printable(describeError(error))}`);
      }
    }
  };
  let answers = start;
  for (const { text, suggested, apply } of questionsOf(start)) {
    answers = await untilValid(text, suggested, (typed) => apply(answers, typed));
  }
  const account = optional((await question(`${ACCOUNT}: `)).trim());
  if (account === undefined) return answers;
  return untilValid('AWS region of the coordinator', start.region ?? 'eu-central-1', (region) => ({
    ...answers,
    account,
    region,
  }));
}
