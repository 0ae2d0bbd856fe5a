import {boolean as booleanFlag, string as stringFlag} from '@oclif/core/flags';
import type {SshTransport} from '../documents/sshTransport.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import {projectFlags} from './baseCommand.ts';
import {connectFlags, connectOptionsFrom} from './connectFlags.ts';
import {eventFlags} from './eventFlags.ts';

/** Flags of the commands that work on a rollout. */
export const rolloutFlags = {
  ...projectFlags,
  ...connectFlags,
  ...eventFlags,
  shard: stringFlag({
    description:
      'the i-th of n parts of the fleet, for CI jobs that share it: every part has its own canaries',
    helpValue: 'I/N',
  }),
  junit: stringFlag({description: 'write gates and devices as JUnit XML', helpValue: 'FILE'}),
  force: booleanFlag({description: 'push a release that was taken back on a device before', default: false}),
  'take-over': booleanFlag({description: 'take devices that are held for another rollout', default: false}),
};

interface Flags {
  readonly project: string;
  readonly shard?: string | undefined;
  readonly junit?: string | undefined;
  readonly force: boolean;
  readonly 'take-over': boolean;
  readonly 'accept-new-host-keys': boolean;
  readonly 'ssh-transport'?: SshTransport | undefined;
}

export function rolloutRequestFrom(flags: Flags, devices: readonly string[]) {
  return {
    projectPath: flags.project,
    devices,
    shard: flags.shard === undefined ? null : shardFrom(flags.shard),
    connect: connectOptionsFrom(flags),
    options: {takesBad: flags.force, takesOver: flags['take-over']},
    reports: {junitFile: flags.junit, stepSummaryFile: process.env['GITHUB_STEP_SUMMARY']},
  };
}

/** @throws ExpectedError `wrong-usage` */
function shardFrom(text: string): {index: number; count: number} {
  const [, first = '', second = ''] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  const index = Number(first);
  const count = Number(second);
  if (index >= 1 && index <= count) return {index, count};
  throw new ExpectedError('wrong-usage', `--shard is "${text}", expected a part such as 1/4.`, EXIT.usage);
}
