import type { Aggregation } from '../schemas/aggregation.ts';
import type { TrainingConfig } from '../schemas/training.ts';
import type { Fault } from './kind.ts';

/** What a stage says of how its sites train and how their updates are merged. */
export interface Trained {
  readonly training: TrainingConfig;
  readonly aggregation: Aggregation;
  readonly validate?: object | undefined;
}

/** Fields that cannot be combined with the stage's `training.algorithm`. */
export function algorithmFaults({ training, aggregation }: Trained): readonly Fault[] {
  const { algorithm, proximal, localParameters } = training;
  const fault = (field: string, message: string): Fault => [field, `${algorithm?.name} ${message}`];
  switch (algorithm?.name) {
    case 'scaffold':
      return [
        ...(proximal > 0 ? [fault('training', "cannot be combined with proximal: both correct a site's drift")] : []),
        ...(localParameters.length > 0
          ? [fault('training', 'cannot be combined with localParameters: it corrects what all sites share')]
          : []),
        ...('lateFactor' in aggregation && aggregation.lateFactor !== undefined
          ? [fault('aggregation', 'cannot be combined with lateFactor: it would discount control variates')]
          : []),
        ...(aggregation.strategy === 'fedavg'
          ? []
          : [
              fault(
                'aggregation',
                `needs the strategy fedavg: ${aggregation.strategy} would not average its control variates`,
              ),
            ]),
      ];
    case 'ditto':
      return localParameters.length > 0
        ? [fault('training', 'cannot be combined with localParameters: every parameter has a personal value already')]
        : [];
    default:
      return [];
  }
}
