import type { Fault } from '../../api/hospital/common.ts';

/** Refused files: which, why, and what to do. */
export const Faults = ({ faults }: { readonly faults: readonly Fault[] }) => (
  <ul class="faults">
    {faults.map(({ file, code, reason, hint }) => (
      <li key={`${file} ${code} ${reason}`}>
        <code>{file}</code> <span lang="en">{reason}</span>{' '}
        {hint !== undefined && (
          <span class="quiet" lang="en">
            {hint}
          </span>
        )}
      </li>
    ))}
  </ul>
);
