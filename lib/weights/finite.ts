/** Whether no value is NaN or infinite. Branch-free: 0 × NaN and 0 × ∞ are NaN, and NaN stays in a sum. */
export function allFinite(values: Float32Array): boolean {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] as number) * 0;
  return sum === 0;
}
