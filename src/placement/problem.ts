/**
 * One placement question as plain numbers: everything the exact cut needs, nothing about where the numbers came from.
 * Times are integer nanoseconds, because floating-point capacities give wrong cuts.
 */
export interface PlacementProblem {
  readonly layers: readonly ProblemLayer[];
  readonly tensors: readonly ProblemTensor[];
  /** Paid once when anything runs on the device: its session, and handing tensors to it and back. Left out: nothing. */
  readonly deviceFixedNs?: number;
  /** `null`: no cloud, everything runs on the device. */
  readonly link: ProblemLink | null;
}

export interface ProblemLayer {
  readonly name: string;
  readonly deviceNs: number;
  /** `null`: cannot run in the cloud. */
  readonly cloudNs: number | null;
  readonly pin?: {
    readonly tier: 'device' | 'cloud';
    readonly reason: 'pinned-by-user' | 'keeps-raw-input-on-device';
  };
}

export interface ProblemTensor {
  readonly name: string;
  readonly bytes: number;
  /** What it takes on the way up, where that is not `bytes`: it is encoded first. */
  readonly upBytes?: number;
  /** What messages say of it, which travels with it. Left out: nothing. */
  readonly headerBytes?: {readonly up: number; readonly down: number};
  /** For encoding and decoding what goes up. Left out: nothing. */
  readonly upNs?: number;
  /** Index into `layers`; `null` for a model input, which starts on the device. */
  readonly producer: number | null;
  /** Indices into `layers`, each once. */
  readonly consumers: readonly number[];
  /** Model outputs must end on the device. */
  readonly isOutput: boolean;
  /** False for what no message can carry (4-bit types) and for the raw input when it must stay on the device. */
  readonly canCross: boolean;
}

export interface ProblemLink {
  /** Paid once when anything runs in the cloud. */
  readonly fixedNs: number;
  readonly upNsPerByte: number;
  readonly downNsPerByte: number;
  /** Paid for each tensor that crosses, in either direction. */
  readonly perTensorNs: number;
  /** Paid once when layers run on both tiers: what was made here is handed from one to the other. Left out: nothing. */
  readonly cutFixedNs?: number;
  /** Paid on top of `upNsPerByte` for what a layer on the device made: handing it over. Left out: nothing. */
  readonly handoverNsPerByte?: number;
}
