import {choosePlacement} from '../choosePlacement.ts';
import {costOfPlacement} from '../costOfPlacement.ts';
import type {ProblemTier} from '../costOfPlacement.ts';
import type {PlacementProblem, ProblemLink} from '../problem.ts';
import {costPartsOf} from './costParts.ts';
import {findPlaneEnvelope, type CostPlane} from './planeEnvelope.ts';
import {problemAt} from './problemAt.ts';

export interface CombinedRanges {
  /** Factors on the time per byte and on the cloud's times. */
  readonly linkTime: readonly [number, number];
  readonly cloudTime: readonly [number, number];
  /** The shortest round trip, as ns more or less than the link's. */
  readonly shortestRoundTripNs: number;
}

interface PlacementPlane extends CostPlane {
  readonly tiers: readonly ProblemTier[];
}

/**
 * Every placement that is the best at some bandwidth, speed of the cloud and round trip, whatever the three are together. Two
 * of them are searched, at the shortest round trip: a longer one makes all that use the cloud dearer by the same, so that
 * nothing becomes the best by it but the device alone.
 * @param known come first
 * @param mostSolves what is not known by then leaves `isComplete` false
 * @throws ExpectedError `nothing-feasible` (exit 13)
 */
export function completePlacements(
  problem: PlacementProblem,
  link: ProblemLink,
  known: readonly (readonly ProblemTier[])[],
  {linkTime, cloudTime, shortestRoundTripNs}: CombinedRanges,
  mostSolves: number,
): {readonly placements: readonly (readonly ProblemTier[])[]; readonly isComplete: boolean} {
  const planeOf = (tiers: readonly ProblemTier[]): PlacementPlane => {
    const {deviceNs, cloudNs, transferNs, roundTrips, restNs} = costPartsOf(problem, tiers);
    return {
      tiers,
      atZero: deviceNs + restNs + roundTrips * shortestRoundTripNs,
      u: transferNs,
      v: cloudNs,
    };
  };
  const onDevice = problem.layers.map((): ProblemTier => 'device');
  const isKnown = known.some(tiers => !tiers.includes('cloud'));
  const alone = isKnown || costOfPlacement(problem, onDevice).violations.length > 0 ? [] : [onDevice];
  const solveAt = (net: number, cloud: number): PlacementPlane => {
    const values = {'link-time': net, 'cloud-time': cloud, 'round-trip': shortestRoundTripNs};
    return planeOf(choosePlacement(problemAt(problem, link, values)).tiers);
  };
  const {planes, isComplete} = findPlaneEnvelope(
    {x: linkTime, y: cloudTime},
    solveAt,
    [...known, ...alone].map(planeOf),
    mostSolves,
  );
  return {placements: planes.map(({tiers}) => tiers), isComplete};
}
