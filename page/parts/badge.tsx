import type { ComponentChildren } from 'preact';

/** Kinds of a state. Each has a mark of its own shape, so that no state is told by its colour alone. */
const MARKS = { good: '✓', active: '▶', waiting: '‖', bad: '✕', neutral: '–' } as const;
export type Tone = keyof typeof MARKS;

export const Badge = ({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }) => (
  <span class={`badge badge-${tone}`}>
    <span aria-hidden="true">{MARKS[tone]}</span> {children}
  </span>
);
