import type {Plan} from '../../documents/plan.ts';
import {formatBytes, formatMs} from '../formatNumbers.ts';
import {REASON_TEXTS} from '../textFromPlan.ts';
import type {PlanNode} from './planGraph.ts';

export interface NodeLabel {
  readonly name: string;
  readonly detail: string;
  /** All that there is to say, for those who point at the node. */
  readonly title: string;
}

export function labelOfNode(plan: Plan, node: PlanNode): NodeLabel {
  switch (node.kind) {
    case 'layers':
      return labelOfLayers(plan, node.layers);
    case 'input':
    case 'output': {
      const {name} = node.tensor;
      const detail = `${node.kind} · ${sizeOf(node.tensor.bytes)}`;
      return {name, detail, title: `${name}: ${node.kind} of the model, ${sizeOf(node.tensor.bytes)}`};
    }
    case 'crossing': {
      const {tensor, crossing} = node;
      const direction = crossing?.direction === 'down' ? '↓' : '↑';
      const size = sizeOf(tensor.bytes);
      const shape = crossing === null ? '' : `[${crossing.shape.join(', ')}]`;
      return {
        name: tensor.name,
        detail: `${direction} ${size} · ${shape}`,
        title: `${tensor.name} crosses the link: ${size}, ${crossing?.elementType ?? ''} ${shape}`,
      };
    }
  }
}

function labelOfLayers(plan: Plan, indices: readonly number[]): NodeLabel {
  const layers = indices.flatMap(index => plan.layers[index] ?? []);
  const [first] = layers;
  const last = layers.at(-1);
  if (first === undefined || last === undefined) return {name: '', detail: '', title: ''};
  const time = formatMs(
    layers.reduce(
      (sum, {tier, deviceMs, cloudMs}) => sum + (tier === 'device' ? deviceMs : (cloudMs ?? 0)),
      0,
    ),
  );
  if (layers.length === 1) {
    const {name, operator, tier, reason, deviceMs, cloudMs} = first;
    const cloud = cloudMs === null ? 'cannot run in the cloud' : `${formatMs(cloudMs)} in the cloud`;
    return {
      name,
      detail: `${operator} · ${time}`,
      title: `${name} (${operator}) runs on the ${tier}: ${REASON_TEXTS[reason]}; ${formatMs(deviceMs)} on the device, ${cloud}`,
    };
  }
  return {
    name: `${first.name} … ${last.name}`,
    detail: `${layers.length} layers · ${time}`,
    title: `${layers.length} layers on the ${first.tier}, ${time}: ${layers.map(({name}) => name).join(', ')}`,
  };
}

function sizeOf(bytes: number | null): string {
  return bytes === null ? 'size not known' : formatBytes(bytes);
}
