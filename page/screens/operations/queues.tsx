import { useState } from 'preact/hooks';
import type { QueueState } from '../../api/operations.ts';
import { ApiError, request } from '../../client.ts';
import { Badge } from '../../parts/badge.tsx';
import { Confirm } from '../../parts/confirm.tsx';
import { Resource } from '../../parts/states.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { useResource } from '../../parts/use-resource.ts';
import { useTexts } from '../../text/language.ts';
import { Letters } from './letters.tsx';

/** Each look asks every queue twice. */
const EVERY = 30_000;

/** All queues: those with dead letters or with a problem first. */
export function Queues() {
  const { operations: text } = useTexts();
  const state = useResource('queues', {}, { every: EVERY });
  const [asked, setAsked] = useState<QueueState>();
  const [shown, setShown] = useState<string>();
  const [result, setResult] = useState<{ readonly text: string; readonly isBad: boolean }>();

  async function redrive(queue: string) {
    try {
      const answer = await request('redrive', {}, { body: { queue } });
      if (answer) setResult({ text: text.redriven(queue, answer.data.sent, answer.data.cameBack), isBad: false });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setResult({ text: `${text.redriveFailed} ${error.message} ${error.hint ?? ''}`, isBad: true });
    }
    setShown(undefined);
    state.reload();
  }

  return (
    <section aria-labelledby="queues">
      <h2 id="queues">{text.queues}</h2>
      <p class="quiet">{text.queuesNote}</p>
      {result && (
        <p class={result.isBad ? 'fault' : 'done'} role={result.isBad ? 'alert' : 'status'}>
          {result.text}
        </p>
      )}
      <Resource state={state}>
        {({ queues }) => {
          const columns = columnsOf(text, { shown, onShow: setShown, onRedrive: setAsked });
          const stuck = queues.filter(({ letters }) => letters !== 0);
          const others = queues.filter(({ letters }) => letters === 0);
          const keyOf = ({ queue }: QueueState) => queue;
          return (
            <>
              {stuck.length > 0 && <Table caption={text.letters} columns={columns} rows={stuck} keyOf={keyOf} />}
              {shown !== undefined && <Letters key={shown} queue={shown} />}
              {others.length > 0 && (
                <details open={stuck.length === 0 && others.length < 8}>
                  <summary>{text.emptyQueues(others.length)}</summary>
                  <Table caption={text.queues} columns={columns} rows={others} keyOf={keyOf} />
                </details>
              )}
            </>
          );
        }}
      </Resource>
      {asked && (
        <Confirm
          title={text.redriveTitle}
          action={text.redriveAction}
          onConfirm={() => void redrive(asked.queue)}
          onClose={() => setAsked(undefined)}
        >
          <p>{text.redriveText(asked.letters ?? 0, asked.queue)}</p>
        </Confirm>
      )}
    </section>
  );
}

interface Actions {
  /** The queue whose letters are shown. */
  readonly shown: string | undefined;
  readonly onShow: (queue: string | undefined) => void;
  readonly onRedrive: (queue: QueueState) => void;
}

const columnsOf = (
  text: ReturnType<typeof useTexts>['operations'],
  { shown, onShow, onRedrive }: Actions,
): readonly Column<QueueState>[] => [
  { title: text.queue, cell: ({ queue }) => queue },
  { title: text.of, cell: ({ site }) => site ?? text.coordinator },
  { title: text.waiting, isNumber: true, cell: ({ waiting }) => waiting ?? '–' },
  { title: text.inFlight, isNumber: true, cell: ({ inFlight }) => inFlight ?? '–' },
  {
    title: text.letters,
    cell: (state) => {
      const { queue, letters, problem } = state;
      if (problem !== undefined) return <span class="reason">{problem}</span>;
      if (letters === 0) return text.noLetters;
      return (
        <span class="letter-actions">
          <Badge tone="bad">{letters}</Badge>
          <button type="button" onClick={() => onShow(shown === queue ? undefined : queue)}>
            {shown === queue ? text.hide : text.show}
          </button>
          <button type="button" onClick={() => onRedrive(state)}>
            {text.redrive}
          </button>
        </span>
      );
    },
  },
];
