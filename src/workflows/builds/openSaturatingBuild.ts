import {openSession} from '../../engine/session.ts';
import type {Decision} from '../../quantize/precision/loweredModel.ts';
import {openSaturatingModel, type SaturatingOptions} from '../openSaturatingModel.ts';
import type {JudgedBuild} from './openJudge.ts';

/**
 * A build as x86 without VNNI computes it, for the judge. Where this machine is no x86, as it computes it itself: the
 * runtime then fuses the model in other ways. @throws as openSaturatingModel
 */
export async function openSaturatingBuild(path: string, options: SaturatingOptions): Promise<JudgedBuild> {
  if (process.arch !== 'x64') return openExactly(path, options);
  const emulated = await openSaturatingModel(path, options);
  return {
    run: feeds => emulated.run(feeds),
    close: () => emulated.close(),
    decisions: decisionsOf(emulated),
  };
}

function decisionsOf({
  saturating,
  unknown,
}: {
  readonly saturating: readonly string[];
  readonly unknown: readonly string[];
}): Decision[] {
  const reason = 'processors without VNNI add two products of bytes in 16 bits and cut off what does not fit';
  const decisions =
    saturating.length === 0
      ? [{decision: 'judged as on a processor without VNNI: no sum of this build can saturate there', reason}]
      : [
          {
            decision: `judged as on a processor without VNNI: sums of ${saturating.join(', ')} can saturate there, which was emulated`,
            reason,
          },
        ];
  if (unknown.length === 0) return decisions;
  return [
    ...decisions,
    {
      decision: `${unknown.join(', ')} judged without saturation`,
      reason: 'the order in which such a processor adds there is not known',
    },
  ];
}

async function openExactly(path: string, {threads}: SaturatingOptions): Promise<JudgedBuild> {
  const session = await openSession({path}, {optimization: 'all', threads});
  return {
    run: async feeds => (await session.run(feeds)).outputs,
    close: () => session.close(),
    decisions: [
      {
        decision: 'judged as on this machine',
        reason: 'what processors without VNNI cut off can be emulated on x86 only',
      },
    ],
  };
}
