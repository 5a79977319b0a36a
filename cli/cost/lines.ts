/** One item of the bill. */
export interface Line {
  readonly what: string;
  readonly quantity: number;
  readonly unit: string;
  /** USD per unit. */
  readonly price: number;
  readonly usd: number;
}

export const HOURS_A_MONTH = 730;
export const MINUTES_A_MONTH = HOURS_A_MONTH * 60;
export const GB = 1e9;

export const line = (what: string, quantity: number, unit: string, price: number): Line => ({
  what,
  quantity,
  unit,
  price,
  usd: quantity * price,
});

export const totalOf = (lines: readonly Line[]): number => lines.reduce((sum, { usd }) => sum + usd, 0);
