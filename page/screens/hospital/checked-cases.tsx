import type { CheckedCase } from '../../api/hospital/upload.ts';
import { Badge } from '../../parts/badge.tsx';
import { useTexts } from '../../text/language.ts';
import { Faults } from './faults.tsx';

/** Cases of which the check has something to say. */
export function CheckedCases({ cases }: { readonly cases: readonly CheckedCase[] }) {
  const { upload: text } = useTexts().hospital;
  const told = cases.filter(({ faults, warnings }) => faults.length + warnings.length > 0);
  if (told.length === 0) return null;
  return (
    <ul class="checked">
      {told.map(({ case: id, accepted, faults, warnings }) => (
        <li key={id}>
          <strong>{id === '.' ? text.beside : id}</strong>{' '}
          {faults.length > 0 && (
            <>
              <Badge tone={accepted ? 'waiting' : 'bad'}>{accepted ? text.withoutFiles : text.refused}</Badge>
              <Faults faults={faults} />
            </>
          )}
          {warnings.length > 0 && (
            <>
              <Badge tone="waiting">{text.warning}</Badge>
              <Faults faults={warnings} />
            </>
          )}
        </li>
      ))}
    </ul>
  );
}
