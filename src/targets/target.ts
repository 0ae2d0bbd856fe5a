export type TargetName = 'x86' | 'x86-vnni' | 'x86-amx' | 'arm64' | 'arm64-dotprod' | 'arm64-i8mm';

/** A hardware family and how models are compiled for it. */
export interface Target {
  readonly name: TargetName;
  /** Why the hardware was taken for this family: the features that decided. */
  readonly recognisedBy: readonly string[];
  readonly recipe: Recipe;
}

export interface Recipe {
  readonly precision: 'fp32';
  /** `extended` files run on every CPU alike; higher levels write operators of one machine. */
  readonly optimisation: 'extended';
  /** Of the runtime's sessions on the device. */
  readonly threads: number;
}

/** How one target is recognised; a family lists its targets best first, and the first that fits decides. */
export interface Recognition {
  readonly name: TargetName;
  /** In the words of /proc/cpuinfo; one of them is enough, and an empty list fits any processor of the family. */
  readonly anyOf: readonly string[];
}
