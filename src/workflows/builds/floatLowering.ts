import type {Graph} from '../../model/graph.ts';
import type {Decision} from '../../quantize/precision/loweredModel.ts';
import type {Lowering} from './lowering.ts';

/** Nothing is lowered: fp32 builds, and what a vendor's compiler lowers by itself. */
export function floatLowering(graph: Graph, decisions: readonly Decision[] = []): Lowering {
  return {
    graph,
    decisions,
    build: () => ({model: graph.model, floatLayers: []}),
    rank: () => [],
  };
}
