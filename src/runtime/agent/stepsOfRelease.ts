import type {DeployedStep} from '../../documents/deployedSteps.ts';
import type {Release} from '../../documents/release.ts';

/** What the release has this device do; those of two parts say it by a head and a tail. */
export function stepsOfRelease(release: Release): readonly DeployedStep[] {
  return release.steps ?? stepsOfParts(release);
}

/** A head, a tail or both, one after the other. */
export function stepsOfParts({head, tail}: Pick<Release, 'head' | 'tail'>): readonly DeployedStep[] {
  const both: DeployedStep[] = [];
  if (head !== undefined) both.push({kind: 'run', ...head});
  if (tail !== undefined)
    both.push({kind: 'call', tier: 'cloud', machine: 'cloud', ...tail, held: [], keeps: [], isLast: false});
  return both;
}
