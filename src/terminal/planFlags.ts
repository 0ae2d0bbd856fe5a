import {boolean as booleanFlag, integer as integerFlag, string as stringFlag} from '@oclif/core/flags';
import {PRECISION_WISHES} from '../documents/planPrecision.ts';
import {connectFlags, connectOptionsFrom} from './connectFlags.ts';
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
  verify: booleanFlag({
    description:
      'build the best candidates, run them in turn on the device and in the cloud, beside what is served there, and decide by what was measured',
    default: false,
  }),
  candidates: integerFlag({
    description: 'of --verify: how many of the best are run; device-only and cloud-only are run besides',
    default: 3,
    min: 1,
    max: 10,
    dependsOn: ['verify'],
  }),
  rounds: integerFlag({
    description:
      'of --verify: how often each candidate is asked; what half a minute allows, 12 to 60, when left out',
    min: 6,
    max: 1000,
    dependsOn: ['verify'],
  }),
  ...connectFlags,
  output: stringFlag({char: 'o', description: 'plan file to write, for one device', helpValue: 'FILE'}),
  check: booleanFlag({
    description: 'write nothing; exit 1 where the plans that are there are not what would be written',
    default: false,
    exclusive: ['verify'],
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
      'verify',
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

/** What --verify asks for; nothing without it. */
export function verifyFromFlags(
  flags: Parameters<typeof connectOptionsFrom>[0] & {
    readonly verify: boolean;
    readonly candidates: number;
    readonly rounds?: number | undefined;
  },
) {
  if (!flags.verify) return {};
  const {candidates, rounds} = flags;
  return {
    verify: {
      count: candidates,
      ...(rounds === undefined ? {} : {rounds}),
      connect: connectOptionsFrom(flags),
    },
  };
}
