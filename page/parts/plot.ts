import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Line } from './line.ts';

/** Height of a chart, CSS pixels. */
const HEIGHT = 260;

/**
 * Draws lines into an element, as wide as it is, until the returned function is called.
 *
 * @param x ascending
 */
export function plot(element: HTMLElement, x: readonly number[], lines: readonly Line[]): () => void {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const resolved = colourResolver(element);
  const axis = {
    stroke: resolved(colour('--quiet')),
    grid: { stroke: resolved(colour('--rule')), width: 1 },
    ticks: { show: false },
    font: `12px ${style.fontFamily}`,
  };
  const chart = new uPlot(
    {
      width: element.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false, range: (_, low, high) => [low - 0.2, high + 0.2] } },
      axes: [
        { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100] },
        { ...axis, size: 56 },
      ],
      series: [
        {},
        ...lines.map(({ label, colour: name, width, dash }) => ({
          label,
          stroke: resolved(colour(name)),
          width,
          ...(dash && { dash: [...dash] }),
          points: { show: x.length < 30, size: 3 + 2 * width },
          spanGaps: true,
        })),
      ],
    },
    [[...x], ...lines.map(({ values }) => [...values])],
    element,
  );
  const observer = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height: HEIGHT }));
  observer.observe(element);
  return () => {
    observer.disconnect();
    chart.destroy();
  };
}

/** A canvas does not know `light-dark()`: the browser computes the colour of an element that has it. */
function colourResolver(element: HTMLElement): (colour: string) => string {
  return (colour) => {
    const probe = document.createElement('i');
    probe.style.color = colour;
    element.append(probe);
    const computed = getComputedStyle(probe).color;
    probe.remove();
    return computed;
  };
}
