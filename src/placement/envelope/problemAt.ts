import type {PlacementProblem, ProblemLink} from '../problem.ts';
import {presentValue} from './costParts.ts';
import type {Quantity} from './costParts.ts';

/** The capacities of a cut must sum to less than 2^52; half of that twice leaves room for rounding each one up. */
const LARGEST_SUM = 2 ** 50;

/**
 * The problem where quantities have other values than now, in the finest unit of time in which the cut can still add everything up:
 * each time is rounded to that unit, so a placement's cost is off by half of it for each layer and crossing tensor.
 * `link` is the problem's own.
 */
export function problemAt(
  problem: PlacementProblem,
  link: ProblemLink,
  values: Partial<Record<Quantity, number>>,
): PlacementProblem {
  const valueOf = (quantity: Quantity): number => values[quantity] ?? presentValue(quantity);
  const device = valueOf('device-time');
  const cloud = valueOf('cloud-time');
  const net = valueOf('link-time');
  const fixedNs = link.fixedNs + valueOf('round-trip');

  const handoverNsPerByte = link.handoverNsPerByte ?? 0;
  const nsPerByte = net * (link.upNsPerByte + link.downNsPerByte) + handoverNsPerByte;
  const layersNs = problem.layers.reduce(
    (sum, layer) => sum + layer.deviceNs * device + (layer.cloudNs ?? 0) * cloud,
    0,
  );
  const tensorsNs = problem.tensors.reduce(
    (sum, {bytes, upBytes = 0, headerBytes = {up: 0, down: 0}, upNs = 0}) =>
      sum +
      (Math.max(bytes, upBytes) + headerBytes.up + headerBytes.down) * nsPerByte +
      2 * link.perTensorNs +
      upNs,
    0,
  );
  const deviceFixedNs = (problem.deviceFixedNs ?? 0) * device;
  const sumNs = 1 + layersNs + tensorsNs + fixedNs + (link.cutFixedNs ?? 0) + deviceFixedNs;
  const unitNs = 2 ** Math.ceil(Math.log2(sumNs / LARGEST_SUM));

  const inUnits = (ns: number): number => Math.round(ns / unitNs);
  return {
    ...problem,
    deviceFixedNs: inUnits(deviceFixedNs),
    layers: problem.layers.map(layer => ({
      ...layer,
      deviceNs: inUnits(layer.deviceNs * device),
      cloudNs: layer.cloudNs === null ? null : inUnits(layer.cloudNs * cloud),
    })),
    tensors: problem.tensors.map(tensor =>
      tensor.upNs === undefined ? tensor : {...tensor, upNs: inUnits(tensor.upNs)},
    ),
    link: {
      fixedNs: inUnits(fixedNs),
      upNsPerByte: (net * link.upNsPerByte) / unitNs,
      downNsPerByte: (net * link.downNsPerByte) / unitNs,
      perTensorNs: inUnits(link.perTensorNs),
      cutFixedNs: inUnits(link.cutFixedNs ?? 0),
      handoverNsPerByte: handoverNsPerByte / unitNs,
    },
  };
}
