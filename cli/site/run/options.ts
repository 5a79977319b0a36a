/** Options of the command line. */
export interface SiteRunFlags {
  readonly federation: string;
  readonly data: string;
  readonly endpoint?: string;
  readonly storage?: string;
  readonly inbox?: string;
  readonly quiet: number;
  readonly port?: number;
  readonly tasks: number;
  readonly json?: boolean;
}
