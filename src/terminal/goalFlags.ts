import {boolean as booleanFlag, integer as integerFlag, string as stringFlag} from '@oclif/core/flags';
import type {PlanObjective, Tier} from '../documents/plan.ts';
import {DURATION, ENERGY, MEMORY} from '../documents/quantities.ts';
import {EXIT, ExpectedError} from '../errors.ts';
import {moneyFromFlag} from './moneyFlag.ts';
import {pinsFromFlags} from './pinFlags.ts';
import {quantityFromFlag} from './quantityFlag.ts';

const OBJECTIVES = ['latency', 'energy', 'money', 'throughput'] as const;

/** What a placement is asked for; each comes before what the project says. */
export const goalFlags = {
  'keep-raw-input-on-device': booleanFlag({
    description: 'never send the input, nor a view, cast or normalised copy of it; overrides the project',
    allowNo: true,
  }),
  pin: stringFlag({
    description:
      'keep layers on a tier, as PATTERN=device, PATTERN=gateway or PATTERN=cloud; * stands for any letters',
    multiple: true,
    default: [],
  }),
  objective: stringFlag({description: 'what to make as small as possible', options: [...OBJECTIVES]}),
  'one-way': booleanFlag({
    description: 'what layers read only rises to the cloud; --no-one-way lets it come back down',
    allowNo: true,
  }),
  'max-latency': stringFlag({description: 'ceiling of a request, such as "80 ms"', helpValue: 'TIME'}),
  'max-energy': stringFlag({
    description: 'ceiling of the device\'s energy for a request, such as "50 mJ"',
    helpValue: 'ENERGY',
  }),
  'max-money': stringFlag({
    description: 'ceiling of the cloud\'s price of a request, such as "0.0001 EUR"',
    helpValue: 'MONEY',
  }),
  memory: stringFlag({
    description: 'what weights, activations and buffers may take on a tier, such as device=64MiB',
    multiple: true,
    default: [],
    helpValue: 'TIER=SIZE',
  }),
  'min-device-layers': integerFlag({description: 'at least so many layers stay on the device', min: 0}),
};

interface GoalFlags {
  readonly 'keep-raw-input-on-device'?: boolean | undefined;
  readonly pin: readonly string[];
  readonly objective?: string | undefined;
  readonly 'one-way'?: boolean | undefined;
  readonly 'max-latency'?: string | undefined;
  readonly 'max-energy'?: string | undefined;
  readonly 'max-money'?: string | undefined;
  readonly memory: readonly string[];
  readonly 'min-device-layers'?: number | undefined;
}

/** @throws ExpectedError `wrong-usage` for a quantity without its unit, or what is none */
export function goalsFromFlags(flags: GoalFlags) {
  const keep = flags['keep-raw-input-on-device'];
  const oneWay = flags['one-way'];
  const maxLatencyMs = quantityFromFlag('max-latency', flags['max-latency'], DURATION);
  const maxEnergyMillijoules = quantityFromFlag('max-energy', flags['max-energy'], ENERGY);
  const maxMoney = moneyFromFlag('max-money', flags['max-money']);
  const layers = flags['min-device-layers'];
  const objective = OBJECTIVES.find(name => name === flags.objective);
  return {
    ...(objective === undefined ? {} : {objective: objective as PlanObjective}),
    constraints: {
      pins: pinsFromFlags(flags.pin),
      ...(keep === undefined ? {} : {keepRawInputOnDevice: keep}),
      ...(oneWay === undefined ? {} : {direction: oneWay ? ('one-way' as const) : ('two-way' as const)}),
      ...(maxLatencyMs === undefined ? {} : {maxLatencyMs}),
      ...(maxEnergyMillijoules === undefined ? {} : {maxEnergyMillijoules}),
      ...(maxMoney === undefined ? {} : {maxMoney}),
      ...(flags.memory.length === 0 ? {} : {memory: flags.memory.map(memoryFromFlag)}),
      ...(layers === undefined ? {} : {minDeviceLayers: layers}),
    },
  };
}

function memoryFromFlag(flag: string): {tier: Tier; bytes: number} {
  const [tier, size] = flag.split('=');
  if ((tier !== 'device' && tier !== 'gateway' && tier !== 'cloud') || size === undefined)
    throw wrongUsage(`--memory ${flag} is not of the form TIER=SIZE, such as device=64MiB.`);
  return {tier, bytes: Math.floor(quantityFromFlag(`memory ${tier}`, size, MEMORY) ?? 0)};
}

function wrongUsage(sentence: string): ExpectedError {
  return new ExpectedError('wrong-usage', sentence, EXIT.usage);
}
