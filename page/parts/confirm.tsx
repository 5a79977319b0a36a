import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useTexts } from '../text/language.ts';

/** A question before something is changed. The answer that changes nothing has the focus; Enter in a field confirms. */
export function Confirm(props: {
  readonly title: string;
  /** The button that does it: the verb, such as "Cancel the campaign". */
  readonly action: string;
  readonly isDangerous?: boolean;
  /** The question closes at once, or after a promise of `true`; after `false` it stays open. */
  readonly onConfirm: () => undefined | Promise<boolean>;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}) {
  const { confirm } = useTexts();
  const dialog = useRef<HTMLDialogElement>(null);
  const [isBusy, setBusy] = useState(false);
  const [refusals, setRefusals] = useState(0);
  useEffect(() => dialog.current?.showModal(), []);
  // What is wrong is said beside the first field that is marked.
  useEffect(() => dialog.current?.querySelector<HTMLElement>('[aria-invalid]')?.focus(), [refusals]);

  async function answer() {
    const done = props.onConfirm();
    setBusy(done !== undefined);
    const isDone = (await done) ?? true;
    setBusy(false);
    if (isDone) dialog.current?.close();
    else setRefusals((count) => count + 1);
  }

  return (
    <dialog ref={dialog} aria-labelledby="confirm-title" onClose={props.onClose}>
      <h2 id="confirm-title">{props.title}</h2>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (!isBusy) void answer();
        }}
      >
        {props.children}
        <div class="actions">
          <button type="button" autofocus onClick={() => dialog.current?.close()}>
            {confirm.cancel}
          </button>
          <button type="submit" class={props.isDangerous ? 'danger' : 'primary'} aria-busy={isBusy}>
            {props.action}
          </button>
        </div>
      </form>
    </dialog>
  );
}
