import type {CutStatistics} from '../../../documents/agentStatistics.ts';
import type {PreparedCut, PreparedCuts} from '../../../documents/release.ts';
import {randomFeeds} from '../../../engine/randomFeeds.ts';
import {ExpectedError, messageOf} from '../../../errors.ts';
import {openProtocolClient} from '../../client.ts';
import type {ServedModel} from '../../server/servedModels.ts';
import type {OpenSteps} from '../openSteps.ts';
import {
  bandwidthSeen,
  noteMove,
  noteProbe,
  noteRequest,
  startCutMoves,
  type CutStep,
  type SeenCall,
} from './cutMoves.ts';

export interface MovingModel extends OpenSteps {
  readonly readStatistics: () => CutStatistics;
}

export interface MovingOptions {
  /** Opens one cut, warm. */
  readonly open: (cut: PreparedCut) => Promise<OpenSteps>;
  /** For a call where the cut has no fallback that says when to give up. */
  readonly deadlineMs: number;
  /** One line for the log. */
  readonly report: (line: string) => void;
}

/** Serves the first cut and moves to others as requests and probes tell. @throws what opening the first one throws */
export async function openMovingModel(cuts: PreparedCuts, options: MovingOptions): Promise<MovingModel> {
  const {open, report} = options;
  let moves = startCutMoves(cuts.first, performance.now());
  let serving = {cut: cutAt(cuts, cuts.first), opened: await open(cutAt(cuts, cuts.first))};
  let moveCount = 0;
  let isClosed = false;
  /** A probe or a move: one at a time, beside the requests. */
  let underWay: Promise<void> | null = null;
  const requests: Record<string, number> = {};

  const perform = (step: CutStep): void => {
    if (step.kind === 'stay' || isClosed) return;
    const work = step.kind === 'probe' ? probe(step.cut) : move(step.to);
    underWay = work.finally(() => (underWay = null));
  };

  const probe = async (at: number): Promise<void> => {
    const cut = cutAt(cuts, at);
    const call = await probeCut(cut, options).catch(() => null);
    const next = noteProbe(cuts, moves, {cut: at, call}, performance.now());
    moves = next.moves;
    if (next.step.kind === 'move') await move(next.step.to);
  };

  const move = async (to: number): Promise<void> => {
    const cut = cutAt(cuts, to);
    const bandwidth = bandwidthSeen(moves);
    try {
      const opened = await open(cut);
      if (isClosed) {
        await opened.close();
        return;
      }
      const before = serving;
      serving = {cut, opened};
      moveCount++;
      report(
        `the cut has moved from ${before.cut.name} to ${cut.name}${bandwidth === null ? '' : ` at ${((bandwidth * 8) / 1e6).toPrecision(3)} Mbit/s`}`,
      );
      await before.opened.close();
    } catch (error) {
      report(`the cut stays: ${cut.name} cannot be opened: ${messageOf(error)}`);
    }
    moves = noteMove(moves, cuts.table.indexOf(serving.cut), performance.now());
  };

  const note = (cut: PreparedCut, call: SeenCall | null): void => {
    // What a probe or a move is about to change is decided on after it.
    if (cut !== serving.cut || underWay !== null) return;
    const next = noteRequest(cuts, moves, call, performance.now());
    moves = next.moves;
    perform(next.step);
  };

  const {model} = serving.opened;
  return {
    model: {
      ...model,
      async infer(request) {
        const {cut, opened} = serving;
        const startedMs = performance.now();
        try {
          const answer = await opened.model.infer(request);
          requests[cut.name] = (requests[cut.name] ?? 0) + 1;
          note(cut, callFrom(cut, answer.timings, performance.now() - startedMs));
          return answer;
        } catch (error) {
          const waitedMs = performance.now() - startedMs;
          if (waitedMs >= options.deadlineMs)
            note(cut, {linkMs: waitedMs, hasCloudTime: false, isGivenUp: true});
          throw error;
        }
      },
    },
    readStatistics: () => ({
      serving: serving.cut.name,
      moves: moveCount,
      bytesPerSecond: bandwidthSeen(moves),
      requests: {...requests},
    }),
    async close() {
      isClosed = true;
      await underWay;
      await serving.opened.close();
    },
  };
}

/** What a request says of the link; `null` where no call was made, or it failed at once. */
function callFrom(
  {fallback}: PreparedCut,
  timings: Awaited<ReturnType<ServedModel['infer']>>['timings'],
  wallMs: number,
): SeenCall | null {
  const of = (name: string): number => timings.find(([each]) => each === name)?.[1] ?? 0;
  if (timings.some(([name]) => name === 'fallback')) {
    const waitedMs = wallMs - of('head');
    const isGivenUp = fallback !== undefined && waitedMs >= fallback.afterMs;
    return isGivenUp ? {linkMs: waitedMs, hasCloudTime: false, isGivenUp} : null;
  }
  const linkMs = of('link');
  return linkMs === 0 ? null : {linkMs, hasCloudTime: of('tail') > 0, isGivenUp: false};
}

/** Asks the cut's tail once, with made-up values of the size that it takes. `null`: it asks nobody. */
async function probeCut(
  {tail, fallback}: PreparedCut,
  {deadlineMs}: MovingOptions,
): Promise<SeenCall | null> {
  if (tail === undefined) return null;
  const givenUpMs = Math.min(deadlineMs, fallback?.afterMs ?? deadlineMs);
  const client = openProtocolClient(tail.url, {deadlineMs: givenUpMs});
  try {
    // Opens the connection, which requests find open.
    await client.isReady();
    const inputs = randomFeeds(tail.inputs, 1);
    const outputs = tail.outputs.map(({name}) => name);
    const {wallMs, serverTiming} = await client.infer(tail.modelName, {inputs, outputs});
    const cloudMs = serverTiming.get('compute');
    return {linkMs: wallMs - (cloudMs ?? 0), hasCloudTime: cloudMs !== undefined, isGivenUp: false};
  } catch (error) {
    if (!(error instanceof ExpectedError) || error.code !== 'cloud-timeout') throw error;
    return {linkMs: givenUpMs, hasCloudTime: false, isGivenUp: true};
  } finally {
    client.close();
  }
}

function cutAt({table}: PreparedCuts, at: number): PreparedCut {
  const cut = table[at];
  if (cut === undefined) throw new RangeError(`no cut ${at} among ${table.length}`);
  return cut;
}
