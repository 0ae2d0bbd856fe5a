import {freshNames, freshTensorNames, type TakeName} from '../../model/freshNames.ts';
import type {OnnxModel} from '../../model/onnx/messages.ts';
import {nodesDeep} from '../../model/subgraphs.ts';

/** Names that neither a tensor nor a layer of the model has, bodies included: new nodes are called like what they make. */
export function newNames(model: OnnxModel): TakeName {
  const takeTensorName = freshTensorNames(model);
  const isLayer = new Set([...nodesDeep(model.graph.nodes)].map(({name}) => name));
  const takeName = freshNames(isLayer);
  return wanted => {
    let name = takeTensorName(wanted);
    while (isLayer.has(name)) name = takeTensorName(takeName(wanted));
    return name;
  };
}
