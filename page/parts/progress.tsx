/** A share of a whole, as a bar with its text beside it. */
export const Progress = ({
  done,
  total,
  label,
}: {
  readonly done: number;
  readonly total: number;
  readonly label: string;
}) => (
  <span class="progress">
    <progress value={done} max={Math.max(1, total)} aria-label={label} />
    <span>{label}</span>
  </span>
);
