import { Progress } from '../../parts/progress.tsx';
import { useTexts } from '../../text/language.ts';
import type { Checked, Documents } from './links.ts';

/** Whether the chain holds, as far as it is read. */
export function Verdict(props: {
  readonly checked: Checked;
  readonly documents: Documents;
  readonly keys: readonly string[];
  readonly onAgain: () => void;
}) {
  const { checked, documents, keys, onAgain } = props;
  const { chain: text } = useTexts();
  const read = keys.filter((key) => documents.has(key));
  const unread = read.filter((key) => documents.get(key) === undefined).length;
  const broken = checked.links.filter(({ state }) => state === 'broken').length + checked.misplaced.length;
  const isDone = read.length === keys.length;
  if (broken > 0 || unread > 0) {
    return (
      <div class="chain-verdict chain-bad" role="alert">
        <strong>
          <span aria-hidden="true">✕</span> {broken > 0 && text.broken(broken)} {unread > 0 && text.unread(unread)}
        </strong>
        <button type="button" onClick={onAgain}>
          {text.again}
        </button>
      </div>
    );
  }
  if (!isDone)
    return <Progress done={read.length} total={keys.length} label={text.reading(read.length, keys.length)} />;
  return (
    <div class="chain-verdict chain-good" role="status">
      <strong>
        <span aria-hidden="true">✓</span> {text.holds(checked.links.length)}
      </strong>
      <button type="button" onClick={onAgain}>
        {text.again}
      </button>
    </div>
  );
}
