import {removeDeadChannels, type DeadReason} from '../../quantize/pruning/removeDeadChannels.ts';
import type {FloatModel} from '../prepareFloatModel.ts';

const WORDS: Readonly<Record<DeadReason, string>> = {
  unread: 'every weight that reads them is 0',
  constant: 'they hold the same value whatever the input; it went into the biases behind them',
};

/** The float model without channels that cannot change its answers; `file` stays that of the whole model. */
export function removeDeadFromFloat(float: FloatModel): FloatModel {
  const {graph, removed} = removeDeadChannels(float.graph);
  if (removed.length === 0) return float;
  const decisions = removed.map(({makers, count, reason}) => ({
    decision: `remove ${count} dead ${count === 1 ? 'channel' : 'channels'} of ${makers.join(', ')}`,
    reason: WORDS[reason],
  }));
  return {...float, graph, model: graph.model, decisions: [...float.decisions, ...decisions]};
}
