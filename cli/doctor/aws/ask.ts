import { isDenied } from '../../../lib/aws/account/attempt.ts';
import { attempt, type Finding, warning } from '../finding.ts';

/**
 * Asks AWS, and judges the answer. A refused request is a finding, so that the rest is checked whatever the identity may do.
 *
 * @param action the permission that the request needs, such as `iam:GetRole`
 */
export async function ask<T>(
  check: string,
  action: string,
  look: () => Promise<T>,
  judge: (answer: T) => Finding | readonly Finding[],
): Promise<readonly Finding[]> {
  let answer: T;
  try {
    answer = await look();
  } catch (error) {
    if (isDenied(error)) {
      return [
        warning(
          check,
          `not checked: this identity may not use ${action}`,
          "Use an identity that may, such as one with AWS's policy ReadOnlyAccess, or look it up in the console.",
        ),
      ];
    }
    return [await attempt(check, () => Promise.reject(error))];
  }
  return [judge(answer)].flat();
}
