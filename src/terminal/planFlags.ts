import {boolean as booleanFlag, string as stringFlag} from '@oclif/core/flags';
import {PRECISION_WISHES} from '../documents/planPrecision.ts';
import {goalFlags} from './goalFlags.ts';
import {paretoFlag} from './paretoFlag.ts';

/** What to plan for, from what, and what to do with the plans beside writing them. */
export const planFlags = {
  ...goalFlags,
  ...paretoFlag,
  precision: stringFlag({
    description:
      'what may be rounded where it crosses the link; auto where the project has an accuracy budget, else fp32: nothing',
    options: [...PRECISION_WISHES],
  }),
  'max-drop': stringFlag({
    description: 'what the composed pipeline may lose: 1%, "0.5 points" or 0.01; overrides the project',
    helpValue: 'DROP',
  }),
  estimate: booleanFlag({
    description:
      'estimate layer times that were not measured from other models on the same kind of machine; the plan says so',
    default: false,
  }),
  output: stringFlag({char: 'o', description: 'plan file to write, for one device', helpValue: 'FILE'}),
  check: booleanFlag({
    description: 'write nothing; exit 1 where the plans that are there are not what would be written',
    default: false,
  }),
  against: stringFlag({
    description: 'folder with plans to compare with; those that are there when left out',
    helpValue: 'DIR',
  }),
  markdown: stringFlag({
    description: 'write what changes as Markdown, for a comment on a pull request',
    helpValue: 'FILE',
  }),
  'from-costs': stringFlag({
    description: 'plan from a table of costs, JSON or YAML, instead of a project; - reads it from stdin',
    helpValue: 'FILE',
    exclusive: [
      'project',
      'estimate',
      'precision',
      'max-drop',
      'output',
      'check',
      'against',
      'markdown',
      ...Object.keys(goalFlags),
    ],
  }),
};
