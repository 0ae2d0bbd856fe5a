import {readdir, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {manifestSchema} from '../../documents/releaseManifest.ts';
import {releaseFromJson, shipmentFromJson} from '../../documents/readDocument.ts';
import type {ShipmentDocument, ShippedRelease} from '../../documents/shipment.ts';
import type {NamedTensors} from '../../documents/tensor.ts';
import {digestOfBytes} from '../../workspace/digest.ts';
import {collectRuntimeFiles} from '../../workspace/runtimeFiles.ts';
import type {Store} from '../../workspace/store.ts';
import {writeAtomically} from '../../workspace/writeAtomically.ts';
import type {ComposedRelease} from '../composeRelease.ts';
import type {ShippedFile} from '../deploy/shipFiles.ts';
import type {OpenFleet} from '../openProject.ts';
import type {GoldenSet, ReleaseSource} from '../release/releaseSource.ts';

type Golden = ShippedRelease['golden']['samples'][number]['inputs'];

/** Remembers what a registry gave; everything that it names lies in the store. */
export async function keepPulled({pulledFolder}: OpenFleet, shipment: ShipmentDocument): Promise<void> {
  const text = JSON.stringify(shipment);
  const name = digestOfBytes(text).slice('sha256:'.length, 'sha256:'.length + 16);
  await writeAtomically(join(pulledFolder, `${name}.json`), text);
}

export interface PulledReleases {
  /** The release for this very plan, device and runtime; `null` where no registry gave one. */
  find(planText: string, device: string): Promise<ReleaseSource | null>;
}

/** @throws ExpectedError `invalid-document` */
export async function readPulledReleases(fleet: OpenFleet): Promise<PulledReleases> {
  const releases: ShippedRelease[] = [];
  for (const file of await pulledFiles(fleet))
    releases.push(...shipmentFromJson(await readFile(file, 'utf8'), file).releases);
  return {
    async find(planText, device) {
      const plan = digestOfBytes(planText);
      for (const release of releases.filter(each => each.device === device && each.plan === plan)) {
        const runtime = await collectRuntimeFiles(release.architecture);
        // Made by another version of edgewise: its release would ask for a runtime that is not here.
        if (runtime.digest === release.runtime) return sourceOf(fleet.store, release);
      }
      return null;
    },
  };
}

async function pulledFiles({pulledFolder}: OpenFleet): Promise<string[]> {
  const names = await readdir(pulledFolder).catch(() => []);
  return names
    .filter(name => name.endsWith('.json'))
    .toSorted()
    .map(name => join(pulledFolder, name));
}

function sourceOf(store: Store, shipped: ShippedRelease): ReleaseSource {
  return {
    signer: async () => ({signed: shipped.signed, manifest: shipped.manifest}),
    compose: () => composedOf(store, shipped),
    golden: () => goldenOf(store, shipped.golden),
  };
}

async function composedOf(store: Store, shipped: ShippedRelease): Promise<ComposedRelease> {
  const shippedFrom = (file: {path: string; digest: string; sizeBytes: number}): ShippedFile => ({
    ...file,
    source: store.pathOf(file.digest),
  });
  const manifest = manifestSchema.parse(JSON.parse(await readFile(store.pathOf(shipped.manifest), 'utf8')));
  const {digest, size: sizeBytes} = manifest.config;
  const path = store.pathOf(digest);
  const release = releaseFromJson(await readFile(path, 'utf8'), path);
  return {
    release,
    files: [...release.files, {path: 'release.json', digest, sizeBytes}].map(shippedFrom),
    cloudModels: shipped.cloudModels,
    parts: shipped.parts.map(({name, files}) => ({name, files: files.map(shippedFrom)})),
  };
}

async function goldenOf(store: Store, {samples, tolerance}: ShippedRelease['golden']): Promise<GoldenSet> {
  const tensorsOf = async (tensors: Golden): Promise<NamedTensors> =>
    Object.fromEntries(
      await Promise.all(
        tensors.map(async ({name, elementType, shape, digest}) => [
          name,
          {elementType, shape, bytes: new Uint8Array(await readFile(store.pathOf(digest)))},
        ]),
      ),
    ) as NamedTensors;
  const read: GoldenSet['samples'][number][] = [];
  for (const {inputs, outputs} of samples)
    read.push({inputs: await tensorsOf(inputs), outputs: await tensorsOf(outputs)});
  return {samples: read, tolerance};
}
