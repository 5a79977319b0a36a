/** Options of the command line. */
export interface UpFlags {
  readonly federation?: string;
  readonly data: string;
  readonly port: number;
  readonly tasks: number;
  readonly json?: boolean;
}
