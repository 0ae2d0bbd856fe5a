import type {Graph, Layer} from './graph.ts';
import type {OnnxNode} from './onnx/messages.ts';
import {nodesDeep} from './subgraphs.ts';

export interface ExplainedError {
  /** The layer of the graph, also when the operator is inside one of its bodies. */
  readonly layer: string;
  /** With its domain where that is not the standard one. */
  readonly operator: string;
  readonly isUnknownOperator: boolean;
}

interface Suspect {
  readonly name?: string | undefined;
  readonly operator: string;
  readonly domain?: string | undefined;
}

/** How ONNX Runtime 1.30 names the culprit when it opens or runs a model; the most exact first. */
const PATTERNS: readonly {pattern: RegExp; suspect: (groups: Record<string, string>) => Suspect}[] = [
  {pattern: /Bad node spec for node\. Name: (?<name>.*?) OpType: (?<operator>\S+)/, suspect: named},
  {
    pattern: /In Node, \("(?<name>.*?)", (?<operator>[^,]+), "(?<domain>.*?)", -?\d+\)/,
    suspect: ({name, operator = '', domain}) => ({name, operator, domain}),
  },
  {
    pattern: /Fatal error: (?<domain>\S*):(?<operator>[^:\s(]+)\(-?\d+\) is not a registered function\/op/,
    suspect: ({operator = '', domain}) => ({operator, domain}),
  },
  {pattern: /No Op registered for (?<operator>\S+) with domain_version/, suspect: named},
  {
    pattern: /Could not find an implementation for (?<operator>\S+?)\(\d+\) node with name '(?<name>.*?)'/,
    suspect: named,
  },
  {pattern: /of operator \((?<operator>.*?)\) in node \((?<name>.*?)\)/, suspect: named},
  {pattern: /Node \((?<name>.*?)\) Op \((?<operator>.*?)\)/, suspect: named},
  {pattern: /while running (?<operator>\S+) node\. Name:'(?<name>.*?)'/, suspect: named},
];

const UNKNOWN_OPERATOR =
  /is not a registered function\/op|No Op registered for|No opset import for domain|Could not find an implementation for/;

/**
 * Finds the layer that a message of the runtime is about: an operator it does not have, a type or shape it refuses.
 * `null` when the message names no operator, or none of this graph.
 */
export function explainRuntimeError(message: string, graph: Graph): ExplainedError | null {
  for (const {pattern, suspect} of PATTERNS) {
    const groups = pattern.exec(message)?.groups;
    if (groups === undefined) continue;
    const found = findLayer(graph, suspect(groups));
    if (found !== null) return {...found, isUnknownOperator: UNKNOWN_OPERATOR.test(message)};
  }
  return null;
}

function findLayer(graph: Graph, suspect: Suspect): {layer: string; operator: string} | null {
  const matches = (node: OnnxNode): boolean =>
    node.operator === suspect.operator &&
    (suspect.domain === undefined || plain(node.domain) === plain(suspect.domain));
  const candidates = graph.layers.flatMap((layer): {layer: Layer; node: OnnxNode}[] =>
    [...nodesDeep([layer.node])].filter(matches).map(node => ({layer, node})),
  );
  const exact = candidates.find(({node}) => suspect.name !== undefined && node.name === suspect.name);
  const found = exact ?? candidates[0];
  return found === undefined ? null : {layer: found.layer.name, operator: operatorOf(found.node)};
}

export function operatorOf({operator, domain}: {operator: string; domain: string}): string {
  return plain(domain) === '' ? operator : `${domain}:${operator}`;
}

function named({name, operator = ''}: Record<string, string>): Suspect {
  return {name, operator};
}

function plain(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}
