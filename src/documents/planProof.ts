import type {PlanCertificate, PlanObjective} from './plan.ts';

export interface PlanProof {
  readonly unit: string;
  readonly flow: number;
  readonly cut: number;
  /** No placement is below it. */
  readonly bound: number;
  readonly isOptimal: boolean;
}

/** A plan's certificate, also of one made before there were other objectives than latency. */
export function proofFrom(certificate: PlanCertificate): PlanProof {
  if ('unit' in certificate) return certificate;
  const {flowNs, cutNs} = certificate;
  return {unit: 'ns', flow: flowNs, cut: cutNs, bound: flowNs, isOptimal: flowNs === cutNs};
}

/** An objective as people read it: `latency`, or `latency × 1 /ms + energy × 0.5 /mJ`. */
export function nameOfObjective(objective: PlanObjective): string {
  if (typeof objective === 'string') return objective;
  const {latencyPerMs, energyPerMillijoule, moneyPerUnit} = objective;
  const parts = [
    ...(latencyPerMs === undefined ? [] : [`latency × ${latencyPerMs} /ms`]),
    ...(energyPerMillijoule === undefined ? [] : [`energy × ${energyPerMillijoule} /mJ`]),
    ...(moneyPerUnit === undefined ? [] : [`money × ${moneyPerUnit}`]),
  ];
  return parts.join(' + ');
}
