import type {NamedTensors, Tensor} from '../../documents/tensor.ts';
import {ProtocolError} from '../protocol/protocolError.ts';
import type {ModelRequest, ServedModel} from './servedModels.ts';

/** An extension: tensors that a later call of the same request needs here are kept, instead of sent twice. */
export const KEEP_EXTENSION = 'edgewise_keep';

/** Names one request of a device, in the calls for it to whoever keeps tensors, or asks others in turn. */
export const REQUEST_PARAMETER = 'edgewise_request';
/** JSON lists of names, since parameters are single values. */
const HELD_PARAMETER = 'edgewise_held';
const KEEPS_PARAMETER = 'edgewise_keeps';
const LAST_PARAMETER = 'edgewise_last';

/** A request that was given up on half-way leaves its tensors for so long. */
const LIFETIME_MS = 30_000;
const MAX_BYTES = 512 * 2 ** 20;

/** What a call has to say for the extension; nothing where nothing is kept or found. */
export function keepingParameters(
  request: string,
  {
    held,
    keeps,
    isLast,
  }: {readonly held: readonly string[]; readonly keeps: readonly string[]; readonly isLast: boolean},
): Record<string, string | boolean> {
  return {
    [REQUEST_PARAMETER]: request,
    ...(held.length === 0 ? {} : {[HELD_PARAMETER]: JSON.stringify(held)}),
    ...(keeps.length === 0 ? {} : {[KEEPS_PARAMETER]: JSON.stringify(keeps)}),
    ...(isLast ? {[LAST_PARAMETER]: true} : {}),
  };
}

interface KeptRequest {
  readonly tensors: Map<string, Tensor>;
  bytes: number;
  untilMs: number;
}

export interface KeptTensors {
  /** Runs the model with what is held added to its inputs, and keeps what is to be kept. */
  infer(model: ServedModel, request: ModelRequest): ReturnType<ServedModel['infer']>;
}

/** Memory for one endpoint: bounded in bytes and in time, the oldest request goes first. */
export function startKeptTensors(nowMs: () => number = () => performance.now()): KeptTensors {
  // In the order in which they were last used, which is the order in which they expire.
  const requests = new Map<string, KeptRequest>();
  let totalBytes = 0;
  const drop = (id: string): void => {
    totalBytes -= requests.get(id)?.bytes ?? 0;
    requests.delete(id);
  };
  const dropExpired = (): void => {
    for (const [id, {untilMs}] of requests) {
      if (untilMs > nowMs() && totalBytes <= MAX_BYTES) return;
      drop(id);
    }
  };
  const keep = (id: string, tensors: readonly (readonly [string, Tensor])[]): void => {
    if (tensors.length === 0) return;
    const kept = requests.get(id) ?? {tensors: new Map<string, Tensor>(), bytes: 0, untilMs: 0};
    requests.delete(id);
    requests.set(id, kept);
    kept.untilMs = nowMs() + LIFETIME_MS;
    for (const [name, tensor] of tensors) {
      // Copied: a view would keep the whole message in memory, and runs take their inputs'.
      kept.tensors.set(name, {...tensor, bytes: new Uint8Array(tensor.bytes)});
      kept.bytes += tensor.bytes.byteLength;
      totalBytes += tensor.bytes.byteLength;
    }
    dropExpired();
  };

  return {
    async infer(model, request) {
      const {parameters} = request;
      const id = parameters[REQUEST_PARAMETER];
      const held = namesFrom(parameters, HELD_PARAMETER);
      const keeps = namesFrom(parameters, KEEPS_PARAMETER);
      if (typeof id !== 'string' || (held.length === 0 && keeps.length === 0)) return model.infer(request);
      dropExpired();
      const isLast = parameters[LAST_PARAMETER] === true;
      const kept = requests.get(id)?.tensors;
      const found = held.map((name): [string, Tensor] => {
        const tensor = kept?.get(name);
        if (tensor === undefined)
          throw new ProtocolError(409, `'${name}' of request ${id} is not kept here any more`);
        // A run may take its inputs' memory, and a later call may find the same tensor.
        return [name, isLast ? tensor : {...tensor, bytes: new Uint8Array(tensor.bytes)}];
      });
      if (isLast) drop(id);
      const inputs = {...request.inputs, ...Object.fromEntries(found)};
      const given = keeps.filter(name => Object.hasOwn(inputs, name));
      const made = keeps.filter(name => !Object.hasOwn(inputs, name));
      const unknown = made.find(name => !model.outputs.some(output => output.name === name));
      if (unknown !== undefined)
        throw new ProtocolError(400, `model '${model.name}' has no tensor '${unknown}' to keep`);
      keep(id, pick(inputs, given));
      const wanted = [...request.wanted, ...made.filter(name => !request.wanted.includes(name))];
      const answer = await model.infer({...request, inputs, wanted});
      keep(id, pick(answer.outputs, made));
      return answer;
    },
  };
}

function pick(tensors: NamedTensors, names: readonly string[]): readonly (readonly [string, Tensor])[] {
  return names.map(name => [name, tensors[name]!] as const);
}

function namesFrom(parameters: ModelRequest['parameters'], key: string): readonly string[] {
  const text = parameters[key];
  if (text === undefined) return [];
  try {
    const names: unknown = typeof text === 'string' ? JSON.parse(text) : null;
    if (Array.isArray(names) && names.every(name => typeof name === 'string')) return names;
  } catch {
    // Told below.
  }
  throw new ProtocolError(400, `${key} must be a JSON list of names`);
}
