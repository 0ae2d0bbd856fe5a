import type {AgentStatistics} from '../../documents/agentStatistics.ts';
import type {NamedTensors} from '../../documents/tensor.ts';
import type {SignatureTensor} from '../../engine/signature.ts';
import type {Timings} from '../protocol/serverTiming.ts';

/** A model as the endpoint offers it, wherever its layers run. */
export interface ServedModel {
  readonly name: string;
  readonly version: string;
  readonly platform: string;
  readonly inputs: readonly SignatureTensor[];
  readonly outputs: readonly SignatureTensor[];
  /** May take the inputs' memory: they are empty afterwards. */
  infer(request: ModelRequest): Promise<{readonly outputs: NamedTensors; readonly timings: Timings}>;
}

export interface ModelRequest {
  readonly inputs: NamedTensors;
  /** Names of the outputs that are to be answered. */
  readonly wanted: readonly string[];
  readonly parameters: Readonly<Record<string, unknown>>;
}

export interface ModelState {
  readonly name: string;
  readonly version: string;
  readonly state: 'READY' | 'UNAVAILABLE' | 'LOADING';
  readonly reason: string;
}

export interface ProfileRequest {
  readonly runs: number;
  readonly warmUps: number;
  /** For inputs with open dimensions, which are 1 otherwise. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
}

export interface RepeatedMs {
  readonly medianMs: number;
  /** Median absolute deviation. */
  readonly spreadMs: number;
  readonly runs: number;
  readonly obtained: 'measured';
}

export interface CloudProfile {
  readonly runtime: {readonly onnxruntime: string; readonly node: string};
  readonly threads: number;
  readonly wholeRun: RepeatedMs;
  readonly layers: readonly {readonly name: string; readonly operator: string; readonly ms: number}[];
  /** One request in the server, from its last byte to its answer, with nothing run. */
  readonly requestOverhead: RepeatedMs;
  /** What running the model in a request costs besides the run by itself. */
  readonly sessionOverhead: RepeatedMs;
}

/** Every model that one endpoint knows, and what may be done with them. */
export interface ServedModels {
  find(name: string): ServedModel | undefined;
  listStates(): readonly ModelState[];
  /** Absent where models are not to be changed through the protocol. */
  readonly control?: ModelControl;
  /** Absent on devices. */
  profile?(name: string, request: ProfileRequest): Promise<CloudProfile>;
  /** Only on devices: how the release does. */
  readStatistics?(): AgentStatistics;
}

export interface ModelControl {
  /** `files` by their path inside the model's folder; `null` loads what is there. */
  load(name: string, files: ReadonlyMap<string, Uint8Array> | null): Promise<void>;
  /** `isRemoved`: its files go too, so that the next start does not load it. */
  unload(name: string, options?: {readonly isRemoved?: boolean}): Promise<void>;
}
