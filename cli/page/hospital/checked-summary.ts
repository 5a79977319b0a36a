import type { CheckedCase as Shown, UploadState } from '../../../page/api/hospital/upload.ts';
import type { CheckedCase, FileFinding } from '../../site/checked-case.ts';
import { faultOf } from './case-rows.ts';

/** Cases and findings of a case that an answer lists. */
const SHOWN_CASES = 200;
const SHOWN_FINDINGS = 20;

/** What the check says, with the cases first of which something is refused, then those with warnings. */
export function checkedSummary(checked: readonly CheckedCase[]): NonNullable<UploadState['checked']> {
  const own = checked.filter((one) => one.case !== '.');
  const rank = ({ faults, warnings }: CheckedCase) => (faults.length > 0 ? 0 : warnings.length > 0 ? 1 : 2);
  return {
    accepted: own.filter(({ accepted }) => accepted).length,
    total: own.length,
    cases: checked
      .toSorted((a, b) => rank(a) - rank(b))
      .slice(0, SHOWN_CASES)
      .map(refusedCase),
  };
}

/** A case as the page shows it, with the names of its files: whoever exported them must find them. */
export const refusedCase = ({ case: id, accepted, faults, warnings }: CheckedCase): Shown => ({
  case: id,
  accepted,
  faults: faults.slice(0, SHOWN_FINDINGS).map(shown),
  warnings: warnings.slice(0, SHOWN_FINDINGS).map(shown),
});

const shown = ({ file, ...rest }: FileFinding) => faultOf(file, rest);
