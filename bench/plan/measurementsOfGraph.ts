import type {Link, ModelTimes} from '../../src/documents/profile.ts';
import type {Graph} from '../../src/model/graph.ts';
import {taintedByInput} from '../../src/model/taintedByInput.ts';
import type {PlacementMeasurements} from '../../src/placement/measurements.ts';

const BUILD = `sha256:${'0'.repeat(64)}`;

/** A link with the same bandwidth in both directions, as it might be declared. */
export function declaredLink(bytesPerSecond: number, roundTripMs: number): Link {
  return {
    to: 'cloud',
    fixedMs: roundTripMs,
    roundTripMs,
    upBytesPerSecond: bytesPerSecond,
    downBytesPerSecond: bytesPerSecond,
    residualMs: 0,
    samples: 1,
    obtained: 'declared',
  };
}

/** What planning a model on a device and a cloud rests on, from its graph and how long each layer takes on either. */
export function measurementsOfGraph(
  graph: Graph,
  layerMs: {readonly device: readonly number[]; readonly cloud: readonly number[]},
  link: Link,
  keepRawInputOnDevice: boolean,
): PlacementMeasurements {
  return {
    build: BUILD,
    layers: graph.layers,
    tensors: [...graph.tensors.values()],
    tiers: (['device', 'cloud'] as const).map(tier => ({
      tier,
      machine: tier,
      times: timesFrom(graph, layerMs[tier]),
    })),
    links: [{from: 'device', to: 'cloud', link}],
    constraints: {keepRawInputOnDevice, pins: []},
    tainted: taintedByInput(graph),
  };
}

function timesFrom({layers}: Graph, layerMs: readonly number[]): ModelTimes {
  const once = (medianMs: number) => ({medianMs, spreadMs: 0, runs: 1, obtained: 'declared'}) as const;
  return {
    build: BUILD,
    threads: 1,
    wholeRun: once(layerMs.reduce((sum, ms) => sum + ms, 0)),
    layers: layers.map(({name, operator}, index) => ({name, operator, ms: layerMs[index] ?? 0})),
    requestOverhead: once(0.5),
    sessionOverhead: once(0.1),
  };
}
