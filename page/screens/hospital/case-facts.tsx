import type { Case } from '../../api/hospital/case.ts';
import { useFormats } from '../../parts/format.ts';
import { Time } from '../../parts/time.tsx';
import { useTexts } from '../../text/language.ts';

/** What intake has found about the CT. */
export function CaseFacts({ one: { image, use } }: { readonly one: Case }) {
  const { case: text, cases } = useTexts().hospital;
  const formats = useFormats();
  if (!image) return null;
  const { shape, spacing, range, bytes, orientation, at, sha256 } = image;
  const numbers = (values: readonly number[]) => values.map((value) => formats.number(value)).join(' × ');
  return (
    <section class="panel">
      <h2>{text.ct}</h2>
      <dl class="facts">
        <dt>{cases.use}</dt>
        <dd>{cases.uses[use]}</dd>
        <dt>{text.size}</dt>
        <dd>{text.voxels(shape.join(' × '), numbers(spacing))}</dd>
        <dt>{text.range}</dt>
        <dd>{text.hu(formats.number(range[0], 5), formats.number(range[1], 5))}</dd>
        <dt>{text.orientation}</dt>
        <dd>{orientation}</dd>
        <dt>{text.stored}</dt>
        <dd>
          {formats.bytes(bytes)}, <Time iso={at} full />
        </dd>
        <dt>{text.hash}</dt>
        <dd>
          <code>{sha256}</code>
        </dd>
      </dl>
    </section>
  );
}
