/** A property of a network that names and shapes of its tensors show, in the file and in the stage. */
export interface Fact {
  /** Argument of the PyTorch module. */
  readonly name: string;
  readonly file: string;
  readonly stage: string;
  /** Field of the campaign's `model` that sets it; undefined if fedcardio has one value only. */
  readonly field?: string;
}

/** A list as in JSON and in Python. */
export const list = (values: readonly unknown[]): string => `[${values.join(', ')}]`;
