/** A site of a run and its cases: what progress and remaining time are computed from. */
export interface RunSite {
  readonly id: string;
  readonly name: string;
  /** Number of training CTs. */
  readonly training: number;
  /** Number of training CTs with a label of each task. */
  readonly labelled: Readonly<Partial<Record<string, number>>>;
  /** Number of held-out CTs. */
  readonly evaluation: number;
}
