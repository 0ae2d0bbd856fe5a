import {readdir} from 'node:fs/promises';
import {basename, dirname} from 'node:path';
import {ociReferenceFrom, textFromOciReference} from '../../documents/ociReference.ts';
import {profileFromYaml} from '../../documents/readDocument.ts';
import {MANIFEST_TYPE, WEIGHT_TYPE} from '../../documents/releaseManifest.ts';
import {SHIPMENT_TYPE, type ShipmentDocument, type ShippedRelease} from '../../documents/shipment.ts';
import type {StorePushed} from '../../documents/storeTransfer.ts';
import type {NamedTensors} from '../../documents/tensor.ts';
import {EXIT, ExpectedError} from '../../errors.ts';
import {runStep, runStepOn, type EmitEvent} from '../../events.ts';
import {digestOfBytes} from '../../workspace/digest.ts';
import {writeImageLayout, type LayoutBlob, type LayoutManifest} from '../../workspace/imageLayout.ts';
import {readDocumentText} from '../../workspace/projectFolder.ts';
import {pushLayout} from '../../workspace/registryTool.ts';
import {collectRuntimeFiles, type RuntimeArchitecture} from '../../workspace/runtimeFiles.ts';
import type {SigningKey} from '../../workspace/signingKey.ts';
import type {Store} from '../../workspace/store.ts';
import type {ConnectOptions} from '../connectDevice.ts';
import {signRelease} from '../deploy/signRelease.ts';
import {openProject, selectDevices, type OpenProject} from '../openProject.ts';
import {readPlan} from '../readPlan.ts';
import {otherMachinesOf} from '../release/otherMachines.ts';
import type {GoldenSet, ReleaseSource} from '../release/releaseSource.ts';
import {runtimeArchitectureOf} from '../runtimeArchitecture.ts';
import {requireSigningKey} from '../signingKeys.ts';
import {withReleaseSources, type WantedRelease} from '../withReleaseSources.ts';

export interface StorePushRequest {
  readonly projectPath: string;
  readonly reference: string;
  /** All plans of the project when empty. */
  readonly planFiles: readonly string[];
  readonly isPlainHttp: boolean;
  readonly connect: ConnectOptions;
}

/** In the layout; what the registry calls it is the reference's business. */
const LAYOUT_TAG = 'shipment';

/**
 * Composes and signs the releases of plans, as `push` would, and brings them to a registry under one tag: whoever pulls it
 * can ship them with neither the model nor the key. The same plans give the same bytes.
 * @throws ExpectedError `plan-missing`, `plan-stale`, `profile-missing`, `registry-tool-missing`, `registry-refused` …
 */
export async function pushStore(request: StorePushRequest, emit: EmitEvent): Promise<StorePushed> {
  const reference = ociReferenceFrom(request.reference);
  if (reference.version.startsWith('@'))
    throw new ExpectedError(
      'invalid-oci-reference',
      'What is pushed gets a tag; its digest is told afterwards.',
      EXIT.usage,
      {hints: [`edgewise store push oci://${reference.registry}/${reference.repository}:TAG`]},
    );
  const project = await openProject(request.projectPath);
  const plans = await readPlans(project, request.planFiles);
  const wanted = plans.flatMap(plan => wantedOf(project, plan));
  const key = await requireSigningKey(emit);
  const collected = await withReleaseSources(project, wanted, emit, sources =>
    collectAll(project, wanted, sources, key, request.connect, emit),
  );
  const shipment = shipmentOf(collected, plans);
  return project.withTemporaryFolder(async folder => {
    const {manifests, blobs} = await layoutOf(project.store, collected, shipment, plans, key);
    const digest = await writeImageLayout(folder, LAYOUT_TAG, manifests, blobs);
    const name = textFromOciReference(reference);
    await runStep(emit, 'registry', `push ${name}`, () =>
      pushLayout({reference, folder, tag: LAYOUT_TAG, isPlainHttp: request.isPlainHttp}),
    );
    const sizes = new Map(blobs.map(blob => [blob.digest, blob.sizeBytes]));
    return {
      reference: `oci://${name}`,
      digest,
      keyId: key.keyId,
      releases: shipment.releases.map(({device, release}) => ({device, release})),
      blobs: sizes.size,
      bytes: [...sizes.values()].reduce((sum, size) => sum + size, 0),
    };
  });
}

type ReadPlan = Awaited<ReturnType<typeof readPlan>> & {readonly file: string};

async function readPlans(project: OpenProject, files: readonly string[]): Promise<ReadPlan[]> {
  const folder = dirname(project.planFile('any'));
  const names = (await readdir(folder).catch(() => [])).filter(name => name.endsWith('.yaml')).toSorted();
  const chosen = files.length > 0 ? files : names.map(name => project.planFile(basename(name, '.yaml')));
  if (chosen.length === 0)
    throw new ExpectedError('plan-missing', `There is no plan in ${folder}.`, EXIT.usage, {
      hints: ['edgewise plan'],
    });
  return Promise.all(chosen.map(async file => ({...(await readPlan(file)), file})));
}

function wantedOf(project: OpenProject, {plan, text, file}: ReadPlan): WantedRelease[] {
  if (!plan.isApplyable)
    throw new ExpectedError(
      'plan-not-applyable',
      `${file} is not applyable; see its refusals.`,
      EXIT.unsupported,
      {hints: [`edgewise explain ${file}`]},
    );
  const devices = selectDevices(project.project, plan.devices ?? [plan.device]);
  return devices.map(device => ({device, plan, written: plan, text}));
}

interface Collected {
  readonly shipped: ShippedRelease;
  readonly madeAt: string;
  /** What the release's own manifest leads to, itself included. */
  readonly own: readonly LayoutBlob[];
  /** Golden answers, and what cloud and gateway are to serve. */
  readonly others: readonly LayoutBlob[];
  readonly manifestBytes: number;
}

async function collectAll(
  project: OpenProject,
  wanted: readonly WantedRelease[],
  sources: ReadonlyMap<string, ReleaseSource>,
  key: SigningKey,
  connect: ConnectOptions,
  emit: EmitEvent,
): Promise<Collected[]> {
  const collected: Collected[] = [];
  for (const each of wanted)
    collected.push(await collect(project, each, sources.get(each.device.name)!, key, connect, emit));
  return collected;
}

async function collect(
  project: OpenProject,
  {device, plan}: WantedRelease,
  source: ReleaseSource,
  key: SigningKey,
  connect: ConnectOptions,
  emit: EmitEvent,
): Promise<Collected> {
  return runStepOn(emit, device.name, 'compose', 'compose the release', async () => {
    const {store} = project;
    const architecture = await architectureOf(project, [device.name, plan.device]);
    const runtime = await collectRuntimeFiles(architecture);
    const others = otherMachinesOf(project, device, connect);
    const composed = await source.compose({runtimeDigest: runtime.digest, ...others});
    const signed = await signRelease(store, composed, {architecture, ledger: null}, key, {
      allowsDowngrade: false,
    });
    const manifest = signed.blobs.find(({path}) => path === 'manifest.json')!;
    const golden = await keepGolden(store, await source.golden());
    const files = [...composed.cloudModels, ...composed.parts].flatMap(each => [...each.files]);
    const plain = ({path, digest, sizeBytes}: (typeof files)[number]) => ({path, digest, sizeBytes});
    return {
      madeAt: composed.release.madeAt,
      manifestBytes: manifest.sizeBytes,
      own: signed.blobs,
      others: [...files, ...golden.blobs].map(file => ({...file, source: store.pathOf(file.digest)})),
      shipped: {
        device: device.name,
        release: composed.release.id,
        plan: composed.release.plan,
        runtime: runtime.digest,
        architecture,
        manifest: manifest.digest,
        signed: JSON.parse(signed.handedOver) as ShippedRelease['signed'],
        golden: golden.golden,
        cloudModels: composed.cloudModels.map(({name, graph, files: own}) => ({
          name,
          graph,
          files: own.map(plain),
        })),
        parts: composed.parts.map(({name, files: own}) => ({name, files: own.map(plain)})),
      },
    };
  });
}

/** Of the device's own profile, or of the one that its class's plan rests on. */
async function architectureOf(
  project: OpenProject,
  machines: readonly string[],
): Promise<RuntimeArchitecture> {
  for (const machine of machines) {
    const file = project.profileFile(machine);
    const text = await readDocumentText(file);
    const hardware = text === null ? undefined : profileFromYaml(text, file).hardware;
    if (hardware !== undefined) return runtimeArchitectureOf(hardware.architecture);
  }
  throw new ExpectedError(
    'profile-missing',
    `There is no profile of ${machines[0]}, which would tell its processor.`,
    EXIT.usage,
    {hints: [`edgewise profile ${machines[0]}`]},
  );
}

async function keepGolden(store: Store, {samples, tolerance}: GoldenSet) {
  const blobs: {digest: string; sizeBytes: number}[] = [];
  const keepTensors = async (tensors: NamedTensors) => {
    const kept: ShippedRelease['golden']['samples'][number]['inputs'] = [];
    for (const [name, {elementType, shape, bytes}] of Object.entries(tensors)) {
      const digest = await store.put([bytes]);
      blobs.push({digest, sizeBytes: bytes.byteLength});
      kept.push({name, elementType, shape: [...shape], digest});
    }
    return kept;
  };
  const kept: ShippedRelease['golden']['samples'] = [];
  for (const {inputs, outputs} of samples)
    kept.push({inputs: await keepTensors(inputs), outputs: await keepTensors(outputs)});
  return {blobs, golden: {tolerance, samples: kept}};
}

function shipmentOf(collected: readonly Collected[], plans: readonly ReadPlan[]): ShipmentDocument {
  const newest = plans.toSorted((a, b) => (a.plan.madeAt < b.plan.madeAt ? 1 : -1))[0]!.plan;
  const files = plans.map(({file, text}) => ({
    file: basename(file),
    digest: digestOfBytes(text),
    sizeBytes: Buffer.byteLength(text),
  }));
  return {
    kind: 'edgewise/shipment',
    formatVersion: 1,
    madeBy: newest.madeBy,
    // The plans' time, not now: the same plans must give the same bytes.
    madeAt: newest.madeAt,
    madeFrom: Object.fromEntries(files.map(({file, digest}) => [file, digest])),
    plans: files,
    releases: collected.map(({shipped}) => shipped),
  };
}

/** First the manifest of what all releases need besides, then one for each release. */
async function layoutOf(
  store: Store,
  collected: readonly Collected[],
  shipment: ShipmentDocument,
  plans: readonly ReadPlan[],
  key: SigningKey,
): Promise<{manifests: LayoutManifest[]; blobs: LayoutBlob[]}> {
  const keep = async (text: string): Promise<LayoutBlob> => {
    const digest = await store.put([Buffer.from(text)]);
    return {digest, sizeBytes: Buffer.byteLength(text), source: store.pathOf(digest)};
  };
  const signed = await keep(
    JSON.stringify({envelope: key.signAs(SHIPMENT_TYPE, shipment), publicKey: key.publicKey}),
  );
  const planBlobs: LayoutBlob[] = [];
  for (const {text} of plans) planBlobs.push(await keep(text));
  const others = [...planBlobs, ...collected.flatMap(each => each.others)];
  const layers = new Map(others.map(({digest, sizeBytes}) => [digest, sizeBytes]));
  const manifest = await keep(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      artifactType: SHIPMENT_TYPE,
      config: {mediaType: SHIPMENT_TYPE, digest: signed.digest, size: signed.sizeBytes},
      layers: [...layers].map(([digest, size]) => ({mediaType: WEIGHT_TYPE, digest, size})),
    }),
  );
  const releases = new Map(
    collected.map(({shipped, manifestBytes}) => [
      shipped.manifest,
      {digest: shipped.manifest, sizeBytes: manifestBytes},
    ]),
  );
  return {
    manifests: [{digest: manifest.digest, sizeBytes: manifest.sizeBytes}, ...releases.values()],
    blobs: [...others, ...collected.flatMap(({own}) => own), signed, manifest],
  };
}
