import type { Cases } from '../../api/hospital/cases.ts';
import { Table } from '../../parts/table.tsx';
import { useTitles } from '../../parts/titles.ts';
import { useTexts } from '../../text/language.ts';

/** How many labels of each task teach, lack a point, or are held out. */
export function LabelCounts({ labels }: { readonly labels: Cases['labels'] }) {
  const { cases: text } = useTexts().hospital;
  const titleOf = useTitles();
  const count = (of: 'teaching' | 'incomplete' | 'heldOut') => (row: Cases['labels'][number]) =>
    row[of].toLocaleString();
  return (
    <section class="panel">
      <h2>{text.teaching}</h2>
      <p class="quiet">{text.teachingHint}</p>
      <Table
        caption={text.teaching}
        rows={labels}
        keyOf={({ task }) => task}
        columns={[
          { title: text.label, cell: ({ title }) => titleOf(title) },
          { title: text.teach, cell: count('teaching'), isNumber: true },
          { title: text.incomplete, cell: count('incomplete'), isNumber: true },
          { title: text.heldOut, cell: count('heldOut'), isNumber: true },
        ]}
      />
    </section>
  );
}
