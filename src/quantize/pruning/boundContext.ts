import type {Graph, Layer} from '../../model/graph.ts';
import type {ChannelRanges} from './channelRanges.ts';
import type {ConstantValues} from './constantValues.ts';

/** What the rule that bounds an operator's channels sees. */
export interface BoundContext {
  readonly graph: Graph;
  readonly layer: Layer;
  readonly constants: ConstantValues;
  readonly shapeOf: (tensor: string) => readonly number[];
  /** Of an activation or constant along its channel axis; unbounded where nothing is known. */
  readonly rangesOf: (tensor: string) => ChannelRanges;
  /** The same along another tensor's axis, to which it is spread. */
  readonly rangesAlong: (tensor: string, shape: readonly number[], axis: number) => ChannelRanges;
}
