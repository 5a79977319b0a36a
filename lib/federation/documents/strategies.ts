import { aggregationSchema, plannedAggregation, STRATEGIES } from '../schemas/aggregation.ts';
import { code, markdownTable } from './markdown.ts';

/** The table of aggregation strategies, for docs/aggregation.md. */
export const strategiesTable = (): string =>
  markdownTable(
    ['`strategy`', 'the new model', 'options (default)', 'source'],
    STRATEGIES.map(({ name, model, symbols, options, source }) => {
      const defaults = new Map<string, unknown>(
        Object.entries(plannedAggregation(aggregationSchema.parse({ strategy: name }))),
      );
      const option = (field: string) =>
        [code(field), symbols.get(field), defaults.has(field) && `(${defaults.get(field)})`].filter(Boolean).join(' ');
      return [code(name), model, options.map(option).join(', ') || '–', source];
    }),
  );
