import { useEffect, useRef } from 'preact/hooks';
import type { Line } from './line.ts';

export interface LineChartProps {
  /** What the chart shows, for screen readers. The values must also be in a table. */
  readonly label: string;
  readonly x: readonly number[];
  readonly lines: readonly Line[];
}

/** Lines over whole numbers, such as rounds. Its library is loaded when the first chart is shown. */
export function LineChart({ label, x, lines }: LineChartProps) {
  const holder = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = holder.current;
    if (!element) return;
    let remove: (() => void) | undefined;
    let isGone = false;
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    const draw = async () => {
      const { plot } = await import('./plot.ts');
      if (isGone) return;
      remove?.();
      remove = plot(element, x, lines);
    };
    void draw();
    scheme.addEventListener('change', draw);
    return () => {
      isGone = true;
      scheme.removeEventListener('change', draw);
      remove?.();
    };
  }, [x, lines]);
  return <div class="chart" ref={holder} role="img" aria-label={label} />;
}
