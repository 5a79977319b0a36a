/** A labelled choice of one of several, or of any. */
export function Choice(props: {
  readonly label: string;
  /** Whether the label is for screen readers alone. */
  readonly isPlain?: boolean;
  /** What choosing none is called. */
  readonly any?: string;
  readonly options: readonly (readonly [value: string, title: string])[];
  readonly value: string | undefined;
  readonly onChoose: (value: string | undefined) => void;
}) {
  return (
    <label class="choice">
      <span class={props.isPlain ? 'hidden' : undefined}>{props.label}</span>
      <select
        value={props.value ?? ''}
        onChange={({ currentTarget: { value } }) => props.onChoose(value === '' ? undefined : value)}
      >
        {props.any !== undefined && <option value="">{props.any}</option>}
        {props.options.map(([value, title]) => (
          <option key={value} value={value}>
            {title}
          </option>
        ))}
      </select>
    </label>
  );
}
