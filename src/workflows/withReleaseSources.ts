import type {Plan} from '../documents/plan.ts';
import type {ProjectDevice} from '../documents/project.ts';
import type {EmitEvent} from '../events.ts';
import {composeRelease} from './composeRelease.ts';
import {goldenSamples} from './deploy/goldenSamples.ts';
import type {ReleaseSigner} from './deploy/signRelease.ts';
import {requireModel, type OpenFleet, type OpenProject} from './openProject.ts';
import {requireFreshPlan} from './planFreshness.ts';
import {withPreparedModel, type PreparedModel} from './prepareModel.ts';
import type {GoldenSet, ReleaseSource} from './release/releaseSource.ts';
import {requireSigningKey} from './signingKeys.ts';
import {readPulledReleases} from './store/pulledReleases.ts';

export interface WantedRelease {
  readonly device: ProjectDevice;
  /** With this device in its representative's place. */
  readonly plan: Plan;
  /** As the file has it. */
  readonly written: Plan;
  readonly text: string;
}

/**
 * Hands a source for every device to `work`. What was pulled from a registry for this very plan comes first: it needs
 * neither the model nor a key. All others share the model, its golden answers and the key.
 * @throws ExpectedError `plan-stale`, `file-missing`
 */
export async function withReleaseSources<T>(
  fleet: OpenFleet,
  wanted: readonly WantedRelease[],
  emit: EmitEvent,
  work: (sources: ReadonlyMap<string, ReleaseSource>) => Promise<T>,
): Promise<T> {
  const sources = new Map<string, ReleaseSource>();
  const toMake: WantedRelease[] = [];
  const pulled = await readPulledReleases(fleet);
  for (const each of wanted) {
    const found = await pulled.find(each.text, each.device.name);
    if (found === null) toMake.push(each);
    else sources.set(each.device.name, found);
  }
  if (toMake.length === 0) return work(sources);
  const project = requireModel(fleet);
  // Once for all of them, and only where something is to be signed.
  let key: Promise<ReleaseSigner> | undefined;
  const signer = (): Promise<ReleaseSigner> => (key ??= requireSigningKey(emit));
  return withPreparedModel(project, emit, async prepared => {
    for (const [name, source] of await sourcesOf(project, prepared, toMake, signer))
      sources.set(name, source);
    return work(sources);
  });
}

async function sourcesOf(
  project: OpenProject,
  prepared: PreparedModel,
  wanted: readonly WantedRelease[],
  signer: ReleaseSource['signer'],
): Promise<[string, ReleaseSource][]> {
  const written = new Map(wanted.map(each => [each.text, each.written]));
  for (const plan of written.values()) await requireFreshPlan(project, plan, prepared);
  const golden = new Map<string, Promise<GoldenSet>>();
  return wanted.map(({device, plan, written, text}) => [
    device.name,
    {
      signer,
      compose: machines => composeRelease(project, device, plan, text, prepared, machines),
      golden: () => {
        const known = golden.get(text) ?? goldenSamples(project, prepared, written);
        golden.set(text, known);
        return known;
      },
    },
  ]);
}
