import type {Graph} from '../model/graph.ts';
import {ATTRIBUTE_TYPE, type OnnxAttribute, type OnnxModel, type OnnxNode} from '../model/onnx/messages.ts';
import {bodiesOf} from '../model/subgraphs.ts';

/**
 * The model with as little besides weights as the format allows: whatever the original does not name (scales, zero points,
 * integers, pairs) gets the shortest names there are, helper nodes get none, attributes that say the default are dropped.
 * What the original names keeps its name: layers and activation tensors are how two models are compared.
 * Models with subgraphs stay as they are, because their bodies read outer names.
 */
export function compactModel(model: OnnxModel, original: Graph): OnnxModel {
  if (model.graph.nodes.some(node => bodiesOf(node).length > 0)) return model;
  const isKept = (name: string): boolean => name === '' || original.tensors.get(name)?.isWeight === false;
  const taken = new Set(
    [...model.graph.inputs, ...model.graph.outputs]
      .map(({name}) => name)
      .concat([...original.tensors.keys()]),
  );
  const shortNames = new Map<string, string>();
  let count = 0;
  const nameOf = (name: string): string => {
    if (isKept(name)) return name;
    const known = shortNames.get(name);
    if (known !== undefined) return known;
    let short = shortName(count);
    for (; taken.has(short); short = shortName(count)) count += 1;
    count += 1;
    shortNames.set(name, short);
    return short;
  };
  const layers = new Set(original.layers.map(({name}) => name));
  const {graph} = model;
  const nodes = graph.nodes.map(node => ({
    ...node,
    name: layers.has(node.name) ? node.name : '',
    docString: '',
    inputs: node.inputs.map(nameOf),
    outputs: node.outputs.map(nameOf),
    attributes: withoutDefaults(node),
  }));
  return {
    ...model,
    docString: '',
    graph: {
      ...graph,
      nodes,
      initializers: graph.initializers.map(tensor => ({...tensor, name: nameOf(tensor.name), docString: ''})),
      valueInfos: [],
      docString: '',
    },
  };
}

const DIGITS = 36;

/** a, b … z, a0, a1 …: a letter first, so that no runtime takes it for a number. */
function shortName(index: number): string {
  const letters = 26;
  const first = String.fromCharCode('a'.charCodeAt(0) + (index % letters));
  const rest = Math.floor(index / letters);
  return rest === 0 ? first : first + (rest - 1).toString(DIGITS);
}

/** Defaults of convolutions and pooling, as the standard has them since opset 1. */
const DEFAULTS: Readonly<Record<string, (attribute: OnnxAttribute) => boolean>> = {
  auto_pad: ({typeCode, string}) =>
    typeCode === ATTRIBUTE_TYPE.string && string !== undefined && String.fromCharCode(...string) === 'NOTSET',
  group: ({int}) => int === 1n,
  dilations: ({ints}) => ints.every(value => value === 1n),
  strides: ({ints}) => ints.every(value => value === 1n),
  pads: ({ints}) => ints.every(value => value === 0n),
  ceil_mode: ({int}) => int === 0n,
  count_include_pad: ({int}) => int === 0n,
  storage_order: ({int}) => int === 0n,
};

const HAVE_DEFAULTS = new Set(['Conv', 'ConvTranspose', 'MaxPool', 'AveragePool']);

function withoutDefaults({operator, domain, attributes}: OnnxNode): readonly OnnxAttribute[] {
  if (domain !== '' || !HAVE_DEFAULTS.has(operator)) return attributes;
  return attributes.filter(attribute => DEFAULTS[attribute.name]?.(attribute) !== true);
}
