import type {DocumentKind, DocumentOf} from '../../../src/documents/documentKinds.ts';
import {completePolicy} from '../../../src/documents/rolloutPolicy.ts';
import {writeHeader} from '../../../src/documents/writeHeader.ts';

export const digestOf = (digit: string): string => `sha256:${digit.repeat(64)}`;

const header = {
  version: '0.1.0',
  now: new Date('2026-01-31T12:00:00Z'),
  madeFrom: {'model.onnx': digestOf('b'), build: digestOf('a')},
};
const measured = {medianMs: 12.3456789, spreadMs: 0.000123456789, runs: 30, obtained: 'measured'} as const;

/** One valid document of every kind, with numbers that need rounding and keys that are out of order. */
export const SAMPLES: {readonly [K in DocumentKind]: DocumentOf<K>} = {
  project: {
    kind: 'edgewise/project',
    formatVersion: 1,
    devices: [{address: 'local', name: 'here', labels: {site: 'lab', arm: 'no'}}],
    model: {file: 'model.onnx', inputs: {image: [1, 3, 32, 32]}},
    clouds: [{name: 'cloud', url: 'http://127.0.0.1:8000'}],
    constraints: {keepRawInputOnDevice: true},
  },
  profile: {
    ...writeHeader('profile', header),
    machine: {name: 'pi', tier: 'device', address: 'pi@10.0.0.1:22'},
    hardware: {
      architecture: 'arm64',
      cpuModel: 'Cortex-A76: "v8"',
      cores: 4,
      cpuFeatures: ['asimd', 'asimddp'],
      memoryBytes: 8_589_934_592,
      freeDiskBytes: 12_345_678_901,
      operatingSystem: 'Debian 12',
      kernel: '6.6.31',
      libc: {name: 'glibc', version: '2.36'},
    },
    runtime: {onnxruntime: '1.30.0', node: '24.21.0'},
    models: [
      {
        build: digestOf('c'),
        threads: 4,
        wholeRun: measured,
        layers: [
          {name: 'conv1', operator: 'Conv', ms: 1.23456789},
          {name: 'yes', operator: 'Relu', ms: 0},
        ],
        requestOverhead: measured,
        sessionOverhead: measured,
      },
    ],
    links: [
      {
        to: 'cloud',
        fixedMs: 20.00000001,
        roundTripMs: 20,
        upBytesPerSecond: 1_250_000.123,
        downBytesPerSecond: 2_500_000,
        residualMs: 0.1,
        samples: 20,
        obtained: 'measured',
      },
    ],
  },
  build: {
    ...writeHeader('build', header),
    target: 'arm64-dotprod',
    precision: 'fp32',
    model: {name: 'model', digest: digestOf('d')},
    artefact: {digest: digestOf('e'), sizeBytes: 2_200_000, layers: 10},
    recipe: [{decision: 'optimise at "extended"', reason: 'portable: the same file on every CPU'}],
    runtime: {onnxruntime: '1.30.0'},
    fidelity: {maxAbsoluteDifference: 1.5e-7, samples: 8},
    accuracy: {metric: 'top-1', original: 0.9333333333, build: 0.9333333333, samples: 480},
  },
  plan: {
    ...writeHeader('plan', header),
    device: 'pi',
    cloud: 'cloud',
    build: digestOf('f'),
    threads: 4,
    objective: 'latency',
    constraints: {keepRawInputOnDevice: false, pins: [{layers: 'conv*', tier: 'device'}]},
    layers: [
      {
        name: 'conv1',
        operator: 'Conv',
        tier: 'device',
        reason: 'faster-here',
        deviceMs: 1.23456789,
        cloudMs: null,
      },
    ],
    tensors: [
      {name: 'x', bytes: 12_288, producer: null, consumers: [0], isOutput: false},
      {name: 'a', bytes: null, producer: 0, consumers: [], isOutput: true},
    ],
    cut: [{tensor: 'a', direction: 'up', elementType: 'float32', shape: [1, 32, 16, 16], bytes: 32768}],
    predicted: {
      latencyMs: 2 / 3,
      deviceMs: 1 / 3,
      linkMs: 0,
      cloudMs: 1 / 3,
      overheadMs: 0,
      upBytes: 32768,
      downBytes: 40,
      deviceWeightBytes: 3456,
      cloudWeightBytes: 2_000_000,
    },
    certificate: {flowNs: 666_666_667, cutNs: 666_666_667},
    alternatives: [{name: 'device-only', predicted: null, verdict: 'not-allowed', reason: 'a: "b"'}],
    refusals: [],
    isComplete: true,
    isApplyable: true,
  },
  release: {
    ...writeHeader('release', header),
    id: '0123456789abcdef',
    device: 'pi',
    plan: digestOf('1'),
    runtime: digestOf('2'),
    endpoint: {port: 8600},
    model: {
      name: 'model',
      inputs: [{name: 'image', elementType: 'float32', shape: [1, 3, 32, 32]}],
      outputs: [{name: 'probabilities', elementType: 'float32', shape: [1, 10]}],
    },
    threads: 4,
    files: [{path: 'head.onnx', digest: digestOf('3'), sizeBytes: 3000}],
  },
  part: {
    ...writeHeader('part', header),
    name: 'model-0123456789ab',
    gateway: 'gw',
    inputs: [{name: 'hidden', elementType: 'float32', shape: [1, 8]}],
    outputs: [{name: 'probabilities', elementType: 'float32', shape: [1, 10]}],
    threads: 4,
    steps: [
      {
        kind: 'run',
        graph: 'segment.onnx',
        inputs: [{name: 'hidden', elementType: 'float32', shape: [1, 8]}],
        outputs: [{name: 'more', elementType: 'float32', shape: [1, 4]}],
      },
      {
        kind: 'call',
        tier: 'cloud',
        machine: 'cloud',
        url: 'http://cloud:8000',
        modelName: 'model-ba9876543210',
        inputs: [{name: 'more', elementType: 'float32', shape: [1, 4]}],
        outputs: [{name: 'probabilities', elementType: 'float32', shape: [1, 10]}],
        held: [],
        keeps: ['more'],
        isLast: false,
      },
    ],
    files: [{path: 'segment.onnx', digest: digestOf('3'), sizeBytes: 3000}],
  },
  costs: {
    objective: 'throughput',
    direction: 'two-way',
    kind: 'edgewise/costs',
    formatVersion: 1,
    tiers: ['device', 'cloud'],
    layers: [
      {name: 'conv1', timeMs: {device: 12.3456789, cloud: 0.4}, weightBytes: 9408},
      {name: 'yes', timeMs: {device: 0}, weightBytes: 0},
    ],
    tensors: [
      {name: 'x', bytes: 150_528, producer: null, consumers: ['conv1'], isOutput: false},
      {name: 'y', bytes: 64, producer: 'conv1', consumers: ['yes'], isOutput: true},
    ],
    links: [
      {from: 'device', to: 'cloud', upMbitPerSecond: 20, downMbitPerSecond: 20.00000001, roundTripMs: 0},
    ],
    pins: [{layer: 'conv*', tier: 'device'}],
    memoryBytes: {device: 536_870_912},
  },
  placement: {
    kind: 'edgewise/placement',
    formatVersion: 1,
    objective: 'latency',
    direction: 'one-way',
    tiers: ['device', 'cloud'],
    decisions: [{layer: 'conv1', tier: 'device', reason: 'pinned-by-user', ms: 12.3456789}],
    crossings: [{tensor: 'y', from: 'device', to: 'cloud', direction: 'up', bytes: 64, ms: 0.0256}],
    totals: {
      latencyMs: 12.3712789,
      bottleneckMs: 12.3456789,
      bytes: 64,
      tiers: [{tier: 'device', ms: 12.3456789, weightBytes: 9408}],
      links: [{from: 'device', to: 'cloud', upMs: 0.0256, downMs: 0, roundTripMs: 0}],
    },
    alternatives: [{tier: 'device', latencyMs: 13, bottleneckMs: 13}],
    certificate: {isOptimal: true, flow: 12_371_279, cut: 12_371_279, bound: 12_371_279},
  },
  rollout: {
    ...writeHeader('rollout', header),
    id: 'r-0123456789ab-1',
    policy: completePolicy({maxParallel: 3, gates: {errorRate: '2.5%'}}),
    devices: [{device: 'pi', hardwareClass: 'arm64-generic', plan: digestOf('d'), wave: 1}],
    records: [
      {
        record: 'device',
        at: '2026-01-31T12:00:01Z',
        device: 'pi',
        phase: 'failed',
        detail: 'did not come up',
      },
      {
        record: 'gates',
        at: '2026-01-31T12:00:02Z',
        wave: 1,
        verdict: 'inconclusive',
        results: [{gate: 'error-rate', verdict: 'inconclusive', reason: 'too few'}],
      },
      {record: 'ended', at: '2026-01-31T12:00:03Z', outcome: 'paused', reason: 'too few'},
    ],
  },
  shipment: {
    ...writeHeader('shipment', header),
    plans: [{file: 'pi.yaml', digest: digestOf('d'), sizeBytes: 1234}],
    releases: [
      {
        device: 'pi',
        release: '0123456789abcdef',
        plan: digestOf('d'),
        runtime: digestOf('e'),
        architecture: 'arm64',
        manifest: digestOf('f'),
        signed: {
          envelope: {
            payloadType: 'application/vnd.edgewise.release-statement.v1+json',
            payload: 'e30=',
            signatures: [{keyid: '1'.repeat(64), sig: 'AAAA'}],
          },
          publicKey: 'AAAA',
        },
        golden: {
          tolerance: 0.01,
          samples: [
            {
              inputs: [{name: 'image', elementType: 'float32', shape: [1, 3], digest: digestOf('2')}],
              outputs: [{name: 'class', elementType: 'int64', shape: [], digest: digestOf('3')}],
            },
          ],
        },
        cloudModels: [
          {
            name: 'm-0123',
            graph: 'model.onnx',
            files: [{path: 'model.onnx', digest: digestOf('4'), sizeBytes: 5}],
          },
        ],
        parts: [{name: 'p-0123', files: [{path: 'part.json', digest: digestOf('5'), sizeBytes: 6}]}],
      },
    ],
  },
};
