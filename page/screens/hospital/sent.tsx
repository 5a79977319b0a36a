import { useMemo, useState } from 'preact/hooks';
import { SENT_KINDS } from '../../api/hospital/names.ts';
import type { Sent, SentRow } from '../../api/hospital/sent.ts';
import { Choice } from '../../parts/choice.tsx';
import { useFormats } from '../../parts/format.ts';
import { Empty, Resource } from '../../parts/states.tsx';
import { useResource } from '../../parts/use-resource.ts';
import { useTexts } from '../../text/language.ts';
import { sentCsv } from './sent-csv.ts';
import { SentTable } from './sent-table.tsx';
import './hospital.css';

/** Objects seldom come: with every round of a campaign. */
const EVERY = 30_000;

/** Every object that this site has sent to the federation. */
export function Screen() {
  const { sent: text } = useTexts().hospital;
  const state = useResource('siteSent', {}, { every: EVERY });
  return (
    <>
      <h1>{text.title}</h1>
      <Resource state={state}>
        {(sent) =>
          sent.totals.objects === 0 ? (
            <Empty title={text.empty}>
              <p>{text.emptyHint}</p>
            </Empty>
          ) : (
            <SentList sent={sent} />
          )
        }
      </Resource>
    </>
  );
}

function SentList({ sent }: { readonly sent: Sent }) {
  const { sent: text } = useTexts().hospital;
  const formats = useFormats();
  const [kind, setKind] = useState<SentRow['kind']>();
  const [campaign, setCampaign] = useState<string>();
  const shown = useMemo(
    () =>
      sent.objects.filter(
        (row) => (kind === undefined || row.kind === kind) && (campaign === undefined || row.campaign === campaign),
      ),
    [sent, kind, campaign],
  );
  const campaigns = useMemo(() => [...new Set(sent.objects.flatMap((row) => row.campaign ?? []))], [sent]);
  const bytes = shown.reduce((sum, row) => sum + row.bytes, 0);
  return (
    <>
      <div class="filters">
        <Choice
          label={text.campaign}
          any={text.anyCampaign}
          options={campaigns.map((id) => [id, id])}
          value={campaign}
          onChoose={setCampaign}
        />
        <Choice
          label={text.kind}
          any={text.anyKind}
          options={SENT_KINDS.map((one) => [one, text.kinds[one]])}
          value={kind}
          onChoose={(chosen) => setKind(SENT_KINDS.find((one) => one === chosen))}
        />
        <button type="button" onClick={() => save(sentCsv(shown), 'sent.csv')}>
          {text.export}
        </button>
        <p class="quiet found" role="status">
          {text.total(sent.totals.objects, formats.bytes(sent.totals.bytes))}
          {shown.length < sent.objects.length && ` · ${text.shown(shown.length, formats.bytes(bytes))}`}
        </p>
      </div>
      {sent.notCompared !== undefined && <p class="stale">{text.notCompared}</p>}
      <SentTable rows={shown} isCompared={sent.notCompared === undefined} />
      {sent.omitted > 0 && <p class="quiet">{text.omitted(sent.omitted)}</p>}
      <p class="quiet">{sent.log === undefined ? text.countsNote : text.log(sent.log)}</p>
    </>
  );
}

/** Offers a text as a file. */
function save(body: string, name: string): void {
  const address = URL.createObjectURL(new Blob([body], { type: 'text/csv' }));
  const link = Object.assign(document.createElement('a'), { href: address, download: name });
  link.click();
  URL.revokeObjectURL(address);
}
