import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useTexts } from '../text/language.ts';

/** A question before something is changed. The answer that changes nothing has the focus. */
export function Confirm(props: {
  readonly title: string;
  /** The button that does it: the verb, such as "Cancel the campaign". */
  readonly action: string;
  readonly isDangerous?: boolean;
  /** Whether everything that the answer needs is filled in; true by default. */
  readonly isReady?: boolean;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}) {
  const { confirm } = useTexts();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} aria-labelledby="confirm-title" onClose={props.onClose}>
      <h2 id="confirm-title">{props.title}</h2>
      {props.children}
      <div class="actions">
        <button type="button" autofocus onClick={() => dialog.current?.close()}>
          {confirm.cancel}
        </button>
        <button
          type="button"
          class={props.isDangerous ? 'danger' : 'primary'}
          disabled={props.isReady === false}
          onClick={() => {
            props.onConfirm();
            dialog.current?.close();
          }}
        >
          {props.action}
        </button>
      </div>
    </dialog>
  );
}
