import { z } from 'zod';
import { intensitySchema } from './intensity.ts';

/** Ids become parts of keys, of parameter names and of properties: names that every JavaScript object has are not ids. */
export const taskId = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/, 'expected 1 to 40 of a-z, 0-9 and -, not starting or ending with -')
  .refine((id) => !(id in {}), 'this word is reserved');

const className = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}$/, 'expected 1 to 40 letters, digits, spaces, dots, hyphens, underscores')
  .refine((name) => !(name in {}), 'this word is reserved');

const bounds = z
  .tuple([z.number().nonnegative(), z.number().positive()])
  .refine(([low, high]) => low < high, 'expected two numbers, the lower one first');

const definition = {
  id: taskId.describe('Id of the task. Label files have its name, and campaigns name it.'),
  title: z.string().min(1).max(80).describe('Name for readers.'),
  classes: z
    .array(className)
    .min(1)
    .max(100)
    .describe('The classes 1, 2, … of a label, in this order: point names of landmarks. Class 0 is the background.'),
  classTitles: z
    .array(z.string().min(1).max(80))
    .optional()
    .describe('Names of the classes for readers, in the same order. Default: the classes, with spaces for hyphens.'),
  intensity: intensitySchema
    .optional()
    .describe(
      "How the values of an image become the input of a network that learns the task, unless a campaign's stage says otherwise. Default: that of a CT with contrast.",
    ),
};

const landmarksSchema = z
  .strictObject({
    kind: z.literal('landmarks'),
    ...definition,
    radiusMm: z
      .number()
      .positive()
      .max(50)
      .optional()
      .describe('Radius of the sphere that represents a point while it is learnt as a segmentation, mm. Default: 4.'),
    plausibleDistances: z
      .array(
        z.strictObject({
          between: z.tuple([className, className]).describe('Two classes of the task.'),
          mm: bounds.describe('Inclusive bounds, mm.'),
        }),
      )
      .optional()
      .describe('Distances that a pseudo-label must have to be learnt from, and a prediction to be trusted.'),
  })
  .describe('Points, each found by its name.');

const segmentationSchema = z
  .strictObject({
    kind: z.literal('segmentation'),
    ...definition,
    plausibleVolumeMm3: bounds
      .optional()
      .describe('Inclusive bounds, mm³, of the volume that a prediction may plausibly have: all classes together.'),
    reportsVolume: z
      .boolean()
      .optional()
      .describe('Whether the volume, of all classes together, is scored and reported.'),
  })
  .describe('Structures, as voxels.');

/** Definition of a task: one kind of label that networks learn. */
export const taskSchema = z
  .discriminatedUnion('kind', [landmarksSchema, segmentationSchema])
  .superRefine((task, context) => {
    const fault = (path: readonly PropertyKey[], message: string) =>
      context.addIssue({ code: 'custom', path: [...path], message });
    if (new Set(task.classes.map((name) => name.toLowerCase())).size < task.classes.length) {
      fault(['classes'], 'two classes have the same name');
    }
    if (task.classTitles && task.classTitles.length !== task.classes.length) {
      fault(['classTitles'], `expected ${task.classes.length} titles, one for each class`);
    }
    const distances = task.kind === 'landmarks' ? (task.plausibleDistances ?? []) : [];
    distances.forEach(({ between }, index) => {
      const unknown = between.find((name) => !task.classes.includes(name));
      if (unknown !== undefined) fault(['plausibleDistances', index], `"${unknown}" is not a class of the task`);
      else if (between[0] === between[1]) fault(['plausibleDistances', index], 'expected two different classes');
    });
  });

/** The tasks of a federation or campaign, each id once. */
export const tasksSchema = z
  .array(taskSchema)
  .min(1)
  .superRefine((tasks, context) => {
    tasks.forEach(({ id }, index) => {
      const first = tasks.findIndex((task) => task.id === id);
      if (first < index) {
        context.addIssue({
          code: 'custom',
          path: [index, 'id'],
          message: `task id "${id}" is used twice, by tasks[${first}] already`,
        });
      }
    });
  });

/** One task. Class 0 is always the background. */
export type Task = z.infer<typeof taskSchema>;
