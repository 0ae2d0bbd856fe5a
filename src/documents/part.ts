import {z} from 'zod';
import {deployedFile, deployedStep, deployedTensor} from './deployedSteps.ts';
import {headerOf} from './header.ts';

/** What a gateway does for a release: served as a model under a name made from its content, for every device whose release asks for it. */
export const partSchema = z.strictObject({
  ...headerOf('edgewise/part'),
  /** The model's name, and the folder's. */
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/),
  gateway: z.string(),
  inputs: z.array(deployedTensor),
  outputs: z.array(deployedTensor),
  threads: z.int().positive(),
  steps: z.array(deployedStep),
  files: z.array(deployedFile),
});

export type Part = z.infer<typeof partSchema>;
