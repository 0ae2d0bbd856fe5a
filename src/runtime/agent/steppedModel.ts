import {randomUUID} from 'node:crypto';
import type {DeployedCall, DeployedStep} from '../../documents/deployedSteps.ts';
import type {Tensor, TensorSpec} from '../../documents/tensor.ts';
import {checkFeeds} from '../../engine/checkFeeds.ts';
import type {Session} from '../../engine/session.ts';
import {ExpectedError} from '../../errors.ts';
import type {ProtocolClient} from '../client.ts';
import {ProtocolError} from '../protocol/protocolError.ts';
import {REQUEST_PARAMETER, keepingParameters} from '../server/keptTensors.ts';
import type {ServedModel} from '../server/servedModels.ts';
import {chooseSteps, type ChosenStep} from './chooseSteps.ts';
import {startTierTimes, type TierTimes} from './tierTimes.ts';

export interface SteppedModelSpec {
  readonly name: string;
  /** Of the machine that performs the steps. */
  readonly tier: 'device' | 'gateway';
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly steps: readonly DeployedStep[];
}

export interface StepParts {
  /** By the graph file of a step that runs. */
  readonly sessions: ReadonlyMap<string, Session>;
  /** By the URL of a step that calls. */
  readonly clients: ReadonlyMap<string, ProtocolClient>;
  /** For one call. */
  readonly deadlineMs: number;
}

/**
 * Steps as one model: layers that run here and layers that other machines are asked for, in their order. Only those steps
 * are taken that the wanted outputs need. Timings: see TierTimes.
 */
export function makeSteppedModel(spec: SteppedModelSpec, parts: StepParts): ServedModel {
  const chosen = new Map<string, readonly ChosenStep[]>();
  const stepsFor = (wanted: readonly string[]): readonly ChosenStep[] => {
    const key = JSON.stringify(wanted);
    const known = chosen.get(key) ?? chooseSteps(spec.steps, wanted);
    chosen.set(key, known);
    return known;
  };
  return {
    name: spec.name,
    version: '1',
    platform: 'edgewise',
    inputs: spec.inputs,
    outputs: spec.outputs,
    async infer({inputs, wanted, parameters}) {
      checkFeeds(spec.inputs, inputs);
      const known = new Map<string, Tensor>(Object.entries(inputs));
      const times = startTierTimes(spec.tier);
      const given = parameters[REQUEST_PARAMETER];
      const request = typeof given === 'string' ? given : randomUUID();
      for (const {step, outputs, usedLater} of stepsFor(wanted)) {
        const found =
          step.kind === 'run'
            ? await runHere(step, parts, known, usedLater, times)
            : await callMachine(step, parts, known, {outputs, request, times});
        for (const [name, tensor] of Object.entries(found)) known.set(name, tensor);
      }
      const outputs = wanted.map(name => [name, tensorOf(known, name)] as const);
      return {outputs: Object.fromEntries(outputs), timings: times.list()};
    },
  };
}

async function runHere(
  {graph, inputs}: Extract<DeployedStep, {kind: 'run'}>,
  {sessions}: StepParts,
  known: ReadonlyMap<string, Tensor>,
  usedLater: ReadonlySet<string>,
  times: TierTimes,
) {
  const session = sessions.get(graph);
  if (session === undefined) throw new Error(`${graph} was not opened`);
  const feeds = Object.fromEntries(inputs.map(({name}) => [name, tensorOf(known, name)]));
  // The run may take the inputs' memory only where nothing that is read later lies in it, be it by another name.
  const buffers = new Set(Object.values(feeds).map(({bytes}) => bytes.buffer));
  const canTakeFeeds = ![...known].some(
    ([name, {bytes}]) => usedLater.has(name) && buffers.has(bytes.buffer),
  );
  const {outputs, computeMs} = await session.run(feeds, {canTakeFeeds});
  times.addRun(computeMs);
  return outputs;
}

async function callMachine(
  step: DeployedCall,
  {clients, deadlineMs}: StepParts,
  known: ReadonlyMap<string, Tensor>,
  {outputs: wanted, request, times}: {outputs: readonly string[]; request: string; times: TierTimes},
) {
  const client = clients.get(step.url);
  if (client === undefined) throw new Error(`${step.url} was not opened`);
  const inputs = Object.fromEntries(step.inputs.map(({name}) => [name, tensorOf(known, name)]));
  const parameters = keepingParameters(request, step);
  const answer = await client
    .infer(step.modelName, {inputs, outputs: wanted, parameters}, {deadlineMs})
    .catch((error: unknown) => refuseFrom(step, error));
  for (const name of wanted) {
    const declared = step.outputs.find(output => output.name === name)?.elementType;
    if (answer.outputs[name]?.elementType === declared) continue;
    const message = `the ${step.tier}'s model ${step.modelName} gave no output '${name}' of ${declared}`;
    throw new ProtocolError(502, message);
  }
  times.addCall(step.tier, answer);
  return answer.outputs;
}

function tensorOf(known: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const tensor = known.get(name);
  if (tensor === undefined) throw new Error(`${name} is needed, and neither a step nor the request gave it`);
  return tensor;
}

/** What went wrong on the way or over there is not the caller's fault: 503 for no answer, 502 for a refusal. */
function refuseFrom({tier, machine}: DeployedCall, error: unknown): never {
  if (!(error instanceof ExpectedError)) throw error;
  const hasNoAnswer =
    error.code !== 'cloud-error' || (error.cause instanceof ProtocolError && error.cause.httpStatus === 503);
  const who = machine === tier ? tier : `${tier} ${machine}`;
  throw new ProtocolError(hasNoAnswer ? 503 : 502, `the ${who}: ${error.message}`);
}
