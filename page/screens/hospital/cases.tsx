import { useEffect, useRef, useState } from 'preact/hooks';
import type { CaseFilter, Cases } from '../../api/hospital/cases.ts';
import { Pager } from '../../parts/pager.tsx';
import { Empty, Resource } from '../../parts/states.tsx';
import { useResource } from '../../parts/use-resource.ts';
import { useTexts } from '../../text/language.ts';
import { CaseFilters } from './case-filters.tsx';
import { CaseTable } from './case-table.tsx';
import { Faults } from './faults.tsx';
import { LabelCounts } from './label-counts.tsx';
import { Upload } from './upload.tsx';
import './hospital.css';

/** What was last looked for: whoever comes back from a case finds the list as it was. */
let kept: CaseFilter = {};

/** The cases of the site: what intake says of each, and what to do. */
export function Screen() {
  const { cases: text } = useTexts().hospital;
  const [filter, setFilter] = useState(kept);
  const [unread, setUnread] = useState(0);
  const query = unread > 0 ? { ...filter, unread } : filter;
  const state = useResource('siteCases', {}, { query });
  const last = useRef<Cases | undefined>(undefined);
  if (state.data) last.current = state.data;
  const counts = state.data?.counts;
  // As long as documents are unread, the next answer is asked for at once.
  useEffect(() => {
    if (counts) setUnread(counts.unread);
  }, [counts]);
  const choose = (change: CaseFilter) => {
    kept = Object.fromEntries(
      Object.entries({ ...filter, page: undefined, ...change }).filter(([, value]) => value !== undefined),
    );
    setFilter(kept);
  };
  return (
    <>
      <h1>{text.title}</h1>
      {/* While another page or filter is read, the one before stays. */}
      <Resource<'siteCases'> state={{ ...state, data: state.data ?? last.current }}>
        {(data) => (
          <>
            {data.total === 0 ? (
              <Empty title={text.empty}>
                <p>{text.emptyHint}</p>
                <pre>npx fedcardio site upload &lt;site&gt; CASES</pre>
              </Empty>
            ) : (
              <>
                <CaseFilters data={data} filter={filter} onChoose={choose} />
                {data.counts.unread > 0 && (
                  <p class="stale" role="status">
                    {text.reading(data.total - data.counts.unread, data.total)}
                  </p>
                )}
                <Found data={data} onChoose={choose} />
              </>
            )}
            {data.strays.length > 0 && (
              <section class="panel">
                <h2>{text.strays}</h2>
                <Faults faults={data.strays} />
              </section>
            )}
            <div class="columns">
              <Upload />
              {data.total > 0 && <LabelCounts labels={data.labels} />}
            </div>
          </>
        )}
      </Resource>
    </>
  );
}

function Found({ data, onChoose }: { readonly data: Cases; readonly onChoose: (change: CaseFilter) => void }) {
  const { cases: text } = useTexts().hospital;
  if (data.found === 0) {
    return (
      <Empty title={text.nothingFound}>
        <button
          type="button"
          onClick={() => onChoose({ search: undefined, verdict: undefined, use: undefined, task: undefined })}
        >
          {text.showAll}
        </button>
      </Empty>
    );
  }
  return (
    <>
      <CaseTable cases={data.cases} tasks={data.labels} />
      <Pager page={data.page} pages={data.pages} onPage={(page) => onChoose({ page })} />
    </>
  );
}
