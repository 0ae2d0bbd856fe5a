import type {ElementType} from './elementTypes.ts';

/** What `edgewise inspect MODEL --json` prints: the model's layers, what each costs, and where a cut is cheap. */
export interface Inspection {
  readonly model: {
    readonly producer: string;
    readonly irVersion: number;
    readonly opsets: readonly {readonly domain: string; readonly version: number}[];
  };
  readonly inputs: readonly InspectedTensor[];
  readonly outputs: readonly InspectedTensor[];
  readonly totals: {
    readonly layers: number;
    /** Of the layers whose shapes are known. */
    readonly multiplyAdds: number;
    readonly weightBytes: number;
    readonly activationBytes: number;
    /** Layers whose multiply-adds or activation bytes could not be told, for want of shapes. */
    readonly layersWithoutCost: number;
  };
  /** In the order they run in. */
  readonly layers: readonly InspectedLayer[];
  /** Entry i: the device runs the first i layers. The first is the whole model in the cloud, the last all on the device. */
  readonly cuts: readonly InspectedCut[];
  /** Cuts inside the model that send less than every earlier one, least bytes first, at most five. */
  readonly cheapestCuts: readonly InspectedCut[];
}

export interface InspectedTensor {
  readonly name: string;
  readonly elementType: ElementType | null;
  /** A string is a symbolic size, `null` an unknown one; `null` as a whole when even the rank is unknown. */
  readonly shape: readonly (number | string | null)[] | null;
  readonly bytes: number | null;
}

export interface InspectedLayer {
  readonly name: string;
  /** With its domain where that is not the standard one. */
  readonly operator: string;
  readonly outputs: readonly InspectedTensor[];
  readonly multiplyAdds: number | null;
  /** Weights that an earlier layer uses too are counted there. */
  readonly weightBytes: number;
  readonly sharesWeights: boolean;
  readonly activationBytes: number | null;
}

export interface InspectedCut {
  /** Layers before the cut. */
  readonly position: number;
  /** The last layer before the cut; `null` at position 0. */
  readonly after: string | null;
  readonly tensors: readonly string[];
  /** `null` when a size is unknown or a tensor cannot travel (4-bit types, sequences). */
  readonly bytes: number | null;
}
