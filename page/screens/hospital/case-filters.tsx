import { useEffect, useState } from 'preact/hooks';
import type { CaseFilter, Cases } from '../../api/hospital/cases.ts';
import { USES, VERDICTS } from '../../api/hospital/names.ts';
import { Badge } from '../../parts/badge.tsx';
import { Choice } from '../../parts/choice.tsx';
import { useTitles } from '../../parts/titles.ts';
import { useTexts } from '../../text/language.ts';
import { TONES } from './case-table.tsx';

/** The list is searched when typing pauses, ms. */
const TYPING_MS = 250;

/** How many cases there are of each state, as filters; search; use and label. */
export function CaseFilters(props: {
  readonly data: Cases;
  readonly filter: CaseFilter;
  readonly onChoose: (change: CaseFilter) => void;
}) {
  const { cases: text } = useTexts().hospital;
  const { data, filter, onChoose } = props;
  const titleOf = useTitles();
  const verdicts = VERDICTS.filter((verdict) => data.counts[verdict] > 0 || filter.verdict === verdict);
  return (
    <div class="filters">
      <fieldset class="verdicts">
        <legend class="hidden">{text.state}</legend>
        <button
          type="button"
          aria-pressed={filter.verdict === undefined}
          onClick={() => onChoose({ verdict: undefined })}
        >
          {text.all} <strong>{data.total.toLocaleString()}</strong>
        </button>
        {verdicts.map((verdict) => (
          <button
            key={verdict}
            type="button"
            aria-pressed={filter.verdict === verdict}
            onClick={() => onChoose({ verdict })}
          >
            <Badge tone={TONES[verdict]}>{text.verdicts[verdict]}</Badge>{' '}
            <strong>{data.counts[verdict].toLocaleString()}</strong>
          </button>
        ))}
      </fieldset>
      <Search value={filter.search} onSearch={(search) => onChoose({ search })} />
      <Choice
        label={text.use}
        any={text.anyUse}
        options={USES.map((use) => [use, text.uses[use]])}
        value={filter.use}
        onChoose={(use) => onChoose({ use: USES.find((one) => one === use) })}
      />
      <Choice
        label={text.label}
        any={text.anyLabel}
        options={data.labels.map(({ task, title }) => [task, titleOf(title)])}
        value={filter.task}
        onChoose={(task) => onChoose({ task })}
      />
      <p class="quiet found" role="status">
        {text.found(data.found)}
      </p>
    </div>
  );
}

function Search(props: { readonly value: string | undefined; readonly onSearch: (text: string | undefined) => void }) {
  const { cases: text } = useTexts().hospital;
  const [typed, setTyped] = useState(props.value ?? '');
  useEffect(() => {
    const wanted = typed === '' ? undefined : typed;
    if (wanted === props.value) return;
    const timer = setTimeout(() => props.onSearch(wanted), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, props.value]);
  useEffect(() => {
    if (props.value === undefined) setTyped('');
  }, [props.value]);
  return (
    <label class="choice">
      <span>{text.search}</span>
      <input
        type="search"
        maxLength={255}
        value={typed}
        onInput={({ currentTarget }) => setTyped(currentTarget.value)}
      />
    </label>
  );
}
