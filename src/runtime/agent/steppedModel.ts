import {randomUUID} from 'node:crypto';
import type {DeployedCall, DeployedFallback, DeployedStep} from '../../documents/deployedSteps.ts';
import type {NamedTensors, Tensor, TensorSpec} from '../../documents/tensor.ts';
import {checkFeeds} from '../../engine/checkFeeds.ts';
import type {Session} from '../../engine/session.ts';
import {ExpectedError} from '../../errors.ts';
import type {ProtocolClient} from '../client.ts';
import {ProtocolError} from '../protocol/protocolError.ts';
import {REQUEST_PARAMETER, keepingParameters} from '../server/keptTensors.ts';
import type {ServedModel} from '../server/servedModels.ts';
import type {Absences} from './absences.ts';
import {chooseSteps} from './chooseSteps.ts';
import {startTierTimes, type TierTimes} from './tierTimes.ts';

export interface SteppedModelSpec {
  readonly name: string;
  /** Of the machine that performs the steps. */
  readonly tier: 'device' | 'gateway';
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly steps: readonly DeployedStep[];
  /** What is done instead of a call without an answer, and of all that follows. */
  readonly fallback?: DeployedFallback | undefined;
}

export interface StepParts {
  /** By the graph file of a step that runs. */
  readonly sessions: ReadonlyMap<string, Session>;
  /** By the URL of a step that calls. */
  readonly clients: ReadonlyMap<string, ProtocolClient>;
  /** For one call. */
  readonly deadlineMs: number;
  /** Which machines do not answer; asked and told only where there is a fallback. */
  readonly absences?: Absences;
}

/**
 * Steps as one model: layers that run here and layers that other machines are asked for, in their order. Only those steps
 * are taken that the wanted outputs need. Timings: see TierTimes.
 */
export function makeSteppedModel(spec: SteppedModelSpec, parts: StepParts): ServedModel {
  const {fallback} = spec;
  const stepsFor = rememberByWanted(wanted =>
    chooseSteps(spec.steps, wanted, inputsOf(fallback?.steps ?? [])),
  );
  const ownStepsFor = rememberByWanted(wanted => chooseSteps(fallback?.steps ?? [], wanted, []));
  const {absences} = parts;
  const deadlineMs = Math.min(parts.deadlineMs, fallback?.afterMs ?? parts.deadlineMs);

  /** `null`: there was no answer, and there is another way. */
  const callOrNot = async (
    step: DeployedCall,
    known: ReadonlyMap<string, Tensor>,
    rest: {outputs: readonly string[]; request: string; times: TierTimes},
  ): Promise<NamedTensors | null> => {
    if (fallback === undefined) return callMachine(step, parts, deadlineMs, known, rest);
    if (absences?.isGone(step.url) === true) return null;
    try {
      return await callMachine(step, parts, deadlineMs, known, rest);
    } catch (error) {
      // Whatever is wrong over there, the caller is better off with the answer than with the reason, which the log has.
      if (!(error instanceof ProtocolError) || error.httpStatus < 502) throw error;
      absences?.noteGone(step.url, error.message);
      return null;
    }
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
      const add = (found: NamedTensors): void => {
        for (const [name, tensor] of Object.entries(found)) known.set(name, tensor);
      };
      for (const {step, outputs, usedLater} of stepsFor(wanted)) {
        if (step.kind === 'run') {
          add(await runHere(step, parts, known, usedLater, times));
          continue;
        }
        const found = await callOrNot(step, known, {outputs, request, times});
        if (found !== null) {
          add(found);
          continue;
        }
        for (const own of ownStepsFor(wanted)) {
          if (own.step.kind === 'run') add(await runHere(own.step, parts, known, own.usedLater, times));
        }
        times.noteFallback();
        break;
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
  {clients}: StepParts,
  deadlineMs: number,
  known: ReadonlyMap<string, Tensor>,
  {outputs: wanted, request, times}: {outputs: readonly string[]; request: string; times: TierTimes},
) {
  const client = clients.get(step.url);
  if (client === undefined) throw new Error(`${step.url} was not opened`);
  const inputs = Object.fromEntries(step.inputs.map(({name}) => [name, tensorOf(known, name)]));
  // Each name takes its time over a slow link. Only who keeps tensors, or asks others in turn, must know the request, and
  // who names no outputs gets them all.
  const isKnown = step.tier === 'gateway' || step.held.length > 0 || step.keeps.length > 0;
  const isAll = step.keeps.length === 0 && wanted.length === step.outputs.length;
  const answer = await client
    .infer(
      step.modelName,
      {
        inputs,
        ...(isAll ? {} : {outputs: wanted}),
        ...(isKnown ? {parameters: keepingParameters(request, step)} : {}),
      },
      {deadlineMs, isPacked: step.isPacked === true},
    )
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

function rememberByWanted<T>(choose: (wanted: readonly string[]) => T): (wanted: readonly string[]) => T {
  const made = new Map<string, T>();
  return wanted => {
    const key = JSON.stringify(wanted);
    const known = made.get(key) ?? choose(wanted);
    made.set(key, known);
    return known;
  };
}

function inputsOf(steps: readonly DeployedStep[]): readonly string[] {
  return steps.flatMap(({inputs}) => inputs.map(({name}) => name));
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
