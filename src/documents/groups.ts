import {z} from 'zod';
import {quantityField} from './quantityField.ts';
import {REQUEST_RATE} from './quantities.ts';

/** How often a device asks its endpoint, on average over the busiest time. */
export const requestRate = quantityField(REQUEST_RATE).describe(
  'How often a device asks for an inference when it is busiest, such as "2 requests/s"; for the load of the cloud.',
);

/** Devices that are planned together, whatever their profiles say. */
export function groupSchema(name: z.ZodString) {
  return z.strictObject({
    name,
    selector: z
      .record(z.string(), z.string())
      .refine(labels => Object.keys(labels).length > 0, 'expected at least one label with its value')
      .describe('Labels and their values: a device that has all of them belongs to the first such group.'),
    requestRate: requestRate.optional(),
  });
}
