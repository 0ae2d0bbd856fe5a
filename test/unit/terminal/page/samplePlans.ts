import {readFileSync} from 'node:fs';
import type {Plan} from '../../../../src/documents/plan.ts';
import {planFromYaml} from '../../../../src/documents/readDocument.ts';

const file = (name: string): URL => new URL(`../../../golden/article-${name}.plan.yaml`, import.meta.url);

/** A golden plan of the article's network. */
export function goldenPlan(name: 'free' | 'no-cloud' | 'pinned' | 'raw-input-stays' | 'slow-link'): Plan {
  return planFromYaml(readFileSync(file(name), 'utf8'), name);
}

export const STYLE = readFileSync(new URL('../../../../templates/page/plan.css', import.meta.url), 'utf8');

/** A plan like `goldenPlan('free')` of another graph: for each layer its tier and the layers that it reads. */
export function planOfGraph(
  layers: readonly (readonly [name: string, tier: 'device' | 'cloud', reads: readonly string[]])[],
): Plan {
  const plan = goldenPlan('free');
  const positions = new Map(layers.map(([name], index) => [name, index]));
  const readersOf = (name: string): number[] =>
    layers.flatMap(([, , reads], index) => (reads.includes(name) ? [index] : []));
  const tensors = ['image', ...positions.keys()].map((name, at) => ({
    name: at === 0 ? name : `${name}_out`,
    bytes: 1000 * (at + 1),
    producer: at === 0 ? null : at - 1,
    consumers: readersOf(name),
    isOutput: at > 0 && readersOf(name).length === 0,
  }));
  return {
    ...plan,
    layers: layers.map(([name, tier]) => ({
      name,
      operator: 'Conv',
      tier,
      reason: 'faster-here',
      deviceMs: 2,
      cloudMs: 1,
    })),
    tensors,
    cut: tensors.flatMap(({name, bytes, producer, consumers, isOutput}) => {
      const tierOf = (layer: number | null) => (layer === null ? 'device' : layers[layer]![1]);
      const crosses =
        consumers.some(consumer => tierOf(consumer) !== tierOf(producer)) ||
        (isOutput && tierOf(producer) === 'cloud');
      const direction = tierOf(producer) === 'device' ? ('up' as const) : ('down' as const);
      return crosses
        ? [{tensor: name, direction, elementType: 'float32' as const, shape: [bytes / 4], bytes}]
        : [];
    }),
  };
}
