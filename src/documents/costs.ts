import type {z} from 'zod';
import {problemsOfCosts} from './costsProblems.ts';
import {costsTableSchema} from './costsTable.ts';

/** A table of costs whose parts fit together. */
export const costsSchema = costsTableSchema.superRefine((costs, context) => {
  for (const {path, input, expected} of problemsOfCosts(costs, context.issues.length === 0))
    context.addIssue({code: 'custom', path: [...path], input, message: `expected ${expected}`});
});

export type Costs = z.infer<typeof costsSchema>;
