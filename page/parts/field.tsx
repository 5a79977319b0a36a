import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

/** Attributes that tie an input to its label and to its fault. */
interface InputAttributes {
  readonly id: string;
  readonly 'aria-invalid'?: true;
  readonly 'aria-describedby'?: string;
}

/** An input with its label, and what is wrong with its value. */
export function Field(props: {
  readonly label: string;
  readonly fault?: string | undefined;
  readonly children: (attributes: InputAttributes) => ComponentChildren;
}) {
  const id = useId();
  const { label, fault, children } = props;
  const faultId = `${id}-fault`;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, ...(fault !== undefined && { 'aria-invalid': true, 'aria-describedby': faultId }) })}
      {fault !== undefined && (
        <p id={faultId} class="field-fault">
          {fault}
        </p>
      )}
    </div>
  );
}
