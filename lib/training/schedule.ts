import type { TrainingConfig } from '../federation/schemas.ts';

/** Optimiser steps of a site in a round: with Ditto the personal model takes as many as the shared one. */
export const stepsOfRound = ({ steps, algorithm }: Pick<TrainingConfig, 'steps' | 'algorithm'>): number =>
  algorithm?.name === 'ditto' ? 2 * steps : steps;

/**
 * Learning rate of a step within a stage: linear warm-up, then a cosine down to a twentieth. `step` counts from 0 over
 * all rounds, so that a site that missed a round continues at the rate of the others.
 */
export function learningRateAt(training: TrainingConfig, step: number, totalSteps: number): number {
  const { learningRate, warmup } = training;
  if (step < warmup) return (learningRate * (step + 1)) / (warmup + 1);
  const progress = Math.min(1, (step - warmup) / Math.max(1, totalSteps - warmup));
  return learningRate * (FLOOR + ((1 - FLOOR) * (1 + Math.cos(Math.PI * progress))) / 2);
}

const FLOOR = 0.05;
