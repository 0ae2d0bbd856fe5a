// The ARROWS table: which room may import which, and why. Anything not listed is an error.
export const ARROWS = {
  commands: {
    to: ['workflows', 'terminal', 'documents'],
    why: 'a command parses flags, calls one workflow and returns its result',
  },
  terminal: {
    to: ['documents'],
    why: 'what people see is made from documents and events, never from the machinery',
  },
  workflows: {
    to: [
      'documents',
      'model',
      'quantize',
      'targets',
      'placement',
      'fleet',
      'estimate',
      'export',
      'rollout',
      'device',
      'engine',
      'workspace',
      'runtime',
      'lab',
    ],
    why: 'the only room that touches both the pure rooms and the doors',
  },
  documents: {to: [], why: 'the files users keep depend on nothing'},
  model: {to: ['documents'], why: 'an ONNX graph is a value'},
  quantize: {to: ['model', 'documents'], why: 'arithmetic on graphs'},
  targets: {to: ['documents'], why: 'a hardware family is recognised from a profile'},
  placement: {to: ['model', 'targets', 'documents'], why: 'decides from a graph and measurements'},
  fleet: {to: ['documents'], why: 'who is alike and what all ask of the cloud, from documents alone'},
  estimate: {to: ['model', 'documents'], why: 'learns from measured layers, measures nothing'},
  export: {to: ['documents'], why: 'what other engines read, as text'},
  rollout: {to: ['documents'], why: 'a state machine over data'},
  device: {to: ['documents'], why: 'a door: it performs, it does not decide'},
  engine: {to: ['documents'], why: 'a door: ONNX Runtime, here and on the device alike'},
  workspace: {to: ['documents'], why: "a door: this machine's files"},
  runtime: {to: ['engine', 'documents'], why: 'bundled on its own for devices, so it stays small'},
  lab: {to: ['documents'], why: 'stands in for hardware; nothing may depend on its being there'},
};

export const PURE_ROOMS = [
  'documents',
  'model',
  'quantize',
  'targets',
  'placement',
  'fleet',
  'estimate',
  'export',
  'rollout',
];

const ground = '^src/(errors|events)\\.ts$';

export default {
  forbidden: [
    {name: 'no-circular', severity: 'error', from: {path: '^src'}, to: {circular: true}},
    ...Object.entries(ARROWS).map(([room, {to, why}]) => ({
      name: `${room}-arrows`,
      comment: why,
      severity: 'error',
      from: {path: `^src/${room}/`},
      to: {path: '^src/', pathNot: [ground, ...[room, ...to].map(name => `^src/${name}/`)]},
    })),
    {
      name: 'ground-floor',
      comment: 'errors and events stand on nothing',
      severity: 'error',
      from: {path: ground},
      to: {path: '^src/', pathNot: ground},
    },
    {
      name: 'pure-rooms-have-no-doors',
      comment: 'bytes, time, seeds and runners are passed in by the workflow',
      severity: 'error',
      from: {path: `^src/(${PURE_ROOMS.join('|')})/`},
      to: {dependencyTypes: ['core']},
    },
    {
      name: 'pure-rooms-have-no-heavy-packages',
      comment: 'a pure room decides; ssh2, execa, onnxruntime-node, listr2, sharp and oclif perform',
      severity: 'error',
      from: {path: `^src/(${PURE_ROOMS.join('|')})/`},
      to: {path: 'node_modules/(ssh2|execa|onnxruntime-node|listr2|sharp|@oclif)/'},
    },
  ],
  options: {
    doNotFollow: {path: 'node_modules'},
    tsPreCompilationDeps: true,
    tsConfig: {fileName: 'tsconfig.json'},
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node'],
    },
  },
};
