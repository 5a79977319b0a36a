import type { ConsentLimits, Stage } from '../../../lib/federation/schemas.ts';
import type { Task } from '../../../lib/federation/tasks.ts';
import type { AskedCampaign } from '../../../page/api/hospital/decide.ts';
import type { Content } from '../../../page/api/hospital/names.ts';

type Asked = AskedCampaign['stages'][number];

/**
 * What the answers of a site to a stage hold, as their schema (lib/federation/schemas/update.ts) and the site's limits
 * (gpu-tasks/consent-limits.ts) have it.
 *
 * @param tasks those that the stage learns or scores
 * @param limits undefined if the viewer may not see them: everything that the stage could send is listed
 * @param cases own cases that the stage can use, at most; undefined if unknown
 */
export function contentsOf(
  stage: Stage,
  tasks: readonly Task[],
  limits: ConsentLimits | undefined,
  cases: number | undefined,
): Asked['contents'] {
  const isTraining = 'training' in stage;
  const minimum = limits?.minimumCases ?? 1;
  const limited = (content: Content, least: number): Asked['contents'][number] => ({
    content,
    ...(least > 1 && { minimum: least, isWithheld: cases !== undefined && cases < least }),
  });
  const scores = (...contents: readonly Content[]) =>
    stage.kind !== 'evaluate' || limits?.scores === 'none'
      ? []
      : contents.map((content) => limited(content, limits?.scores === 'aggregates' ? minimum : 1));
  const figures = (...contents: readonly Content[]) =>
    limits?.figures === false ? [] : contents.map((content) => limited(content, minimum));
  return [
    ...(isTraining ? [{ content: 'weights' } as const] : []),
    { content: 'counts' },
    ...figures('figures', ...(isTraining && stage.validate ? (['validation'] as const) : [])),
    ...scores('scores', ...(tasks.some(reportsVolume) ? (['volumes'] as const) : [])),
    ...(stage.kind === 'evaluate' && stage.compare.length > 0 ? scores('comparisons') : []),
    { content: 'machine' },
    { content: 'failure' },
  ];
}

const reportsVolume = (task: Task): boolean => 'reportsVolume' in task && task.reportsVolume === true;
