import type { ModelResults, Results } from '../../api/results.ts';
import type { Texts } from '../../text/en.ts';

/** A model of a campaign, as one side of a comparison. */
export interface Side {
  readonly key: string;
  readonly title: string;
  readonly results: Results;
  readonly model: ModelResults;
}

/** All models of one campaign, or of two, whose names then say which campaign they are of. */
export const sidesOf = (all: readonly Results[], text: Texts['results']): readonly Side[] =>
  all.flatMap((results) =>
    results.models.map((model) => ({
      key: `${results.campaign}/${model.name}`,
      title: `${titleOf(model, text)}${all.length > 1 ? ` (${results.campaign})` : ''}`,
      results,
      model,
    })),
  );

/** The role of a model with its name, for readers who do not know the names. */
const titleOf = ({ name, role }: ModelResults, { roles }: Texts['results']): string =>
  role === undefined || role === 'teacher' ? name : roles[role];

/**
 * What is compared at first: of two campaigns, the same model; of one, the student that learns from pseudo-labels with the one
 * that does not.
 */
export function firstPair(sides: readonly Side[]): readonly [Side, Side] | undefined {
  const [first] = sides;
  if (!first) return undefined;
  const own = sides.filter(({ results }) => results === first.results);
  const others = sides.filter(({ results }) => results !== first.results);
  const student = own.find(({ model }) => model.role === 'student') ?? own[0];
  if (!student) return undefined;
  const isLike = (side: Side) =>
    side.model.role === undefined ? side.model.name === student.model.name : side.model.role === student.model.role;
  const other =
    others.length > 0
      ? (others.find(isLike) ?? others[0])
      : (own.find(({ model }) => model.role === 'studentLabelsOnly') ?? own.find((side) => side !== student));
  return other && [student, other];
}
