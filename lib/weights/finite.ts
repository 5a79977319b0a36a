/** Whether all values are finite. Branch-free: 0 × NaN and 0 × ∞ are NaN, and a sum with NaN is NaN. */
export function allFinite(values: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] as number) * 0;
  return sum === 0;
}
