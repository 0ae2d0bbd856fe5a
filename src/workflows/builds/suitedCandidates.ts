import type {Graph} from '../../model/graph.ts';
import {layerCosts} from '../../model/layerCosts.ts';
import type {CandidateBuild} from '../../targets/target.ts';

/** Candidates for products of matrices are tried where these are most of the multiply-adds. */
export function suitedCandidates(
  candidates: readonly CandidateBuild[],
  graph: Graph,
): readonly CandidateBuild[] {
  const {layers, totals} = layerCosts(graph);
  const products = graph.layers
    .filter(({operator}) => operator === 'MatMul' || operator === 'Gemm')
    .reduce((sum, {index}) => sum + (layers[index]?.multiplyAdds ?? 0), 0);
  const isOfProducts = products > totals.multiplyAdds / 2;
  return candidates.filter(({suits}) => suits === 'every-model' || isOfProducts);
}
