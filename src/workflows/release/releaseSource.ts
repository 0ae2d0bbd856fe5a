import type {ComposedRelease, ReleaseMachines} from '../composeRelease.ts';
import type {GoldenSample} from '../deploy/checkHealth.ts';
import type {ReleaseSigner} from '../deploy/signRelease.ts';

export interface GoldenSet {
  readonly samples: readonly GoldenSample[];
  readonly tolerance: number;
}

/** Where the release of a plan comes from: made here of the model, or pulled from a registry as it was made elsewhere. */
export interface ReleaseSource {
  /** Makes a key where there is none yet. */
  readonly signer: () => Promise<ReleaseSigner>;
  readonly compose: (machines: ReleaseMachines) => Promise<ComposedRelease>;
  readonly golden: () => Promise<GoldenSet>;
}
