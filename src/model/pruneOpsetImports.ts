import type {OnnxFunction, OnnxModel, OnnxNode} from './onnx/messages.ts';
import {nodesDeep} from './subgraphs.ts';

/**
 * Keeps the opset imports, functions and their imports that nodes still use, in subgraphs and functions too; the runtime's
 * optimiser adds imports of every domain it knows, which other tools refuse. The same model when all are used.
 */
export function pruneOpsetImports(model: OnnxModel): OnnxModel {
  const functions = reachableFunctions(model);
  const domains = domainsOf([
    ...nodesDeep(model.graph.nodes),
    ...functions.flatMap(fn => [...nodesDeep(fn.nodes)]),
  ]);
  const opsetImports = model.opsetImports.filter(({domain}) => domains.has(plainDomain(domain)));
  if (opsetImports.length === model.opsetImports.length && functions.length === model.functions.length)
    return model;
  return {...model, functions, opsetImports};
}

/** A called function's domain counts as used: the format wants an import for it too. */
function domainsOf(nodes: readonly OnnxNode[]): Set<string> {
  // The standard operators are always imported: an empty import list is no valid model.
  return new Set(['', ...nodes.map(({domain}) => plainDomain(domain))]);
}

function reachableFunctions(model: OnnxModel): readonly OnnxFunction[] {
  const byKey = new Map(model.functions.map(fn => [keyOf(fn.domain, fn.name, fn.overload), fn]));
  const reached = new Set<OnnxFunction>();
  const visit = (nodes: readonly OnnxNode[]): void => {
    for (const node of nodesDeep(nodes)) {
      const fn = byKey.get(keyOf(node.domain, node.operator, node.overload));
      if (fn !== undefined && !reached.has(fn)) {
        reached.add(fn);
        visit(fn.nodes);
      }
    }
  };
  visit(model.graph.nodes);
  return model.functions.filter(fn => reached.has(fn));
}

function keyOf(domain: string, name: string, overload: string): string {
  return JSON.stringify([plainDomain(domain), name, overload]);
}

function plainDomain(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}
