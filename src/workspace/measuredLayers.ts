import {readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {z} from 'zod';
import {userCacheFolder} from './runtimeFiles.ts';
import {readDocumentText} from './projectFolder.ts';
import {writeAtomically} from './writeAtomically.ts';
import {digestOfBytes, hexOfDigest} from './digest.ts';

const size = z.number().nonnegative();

const measuredLayers = z.strictObject({
  /** The model's name and the digest of its build. */
  model: z.string(),
  build: z.string(),
  /** Where it was measured. */
  machine: z.string(),
  /** In the order they run. */
  layers: z.array(
    z.strictObject({
      name: z.string(),
      operator: z.string(),
      multiplyAdds: size,
      inputBytes: size,
      outputBytes: size,
      weightBytes: size,
      outputElements: size,
      outputChannels: size,
      inputChannelsPerGroup: size,
      groups: size,
      kernelElements: size,
      stride: size,
      ms: size,
    }),
  ),
});

/** A model's layers with what each has to do and how long it took, kept for estimates in other projects. */
export type MeasuredLayers = z.infer<typeof measuredLayers>;

/** Kept in the user's cache by the kind of machine; measuring the same build on the same machine again replaces it. */
export async function rememberMeasuredLayers(machineKind: string, measured: MeasuredLayers): Promise<void> {
  const name = hexOfDigest(digestOfBytes(`${measured.build} ${measured.machine}`)).slice(0, 32);
  await writeAtomically(join(folderOf(machineKind), `${name}.json`), JSON.stringify(measured));
}

/** Everything measured on this kind of machine, in a fixed order; what cannot be read is as if it were not there. */
export async function readMeasuredLayers(machineKind: string): Promise<MeasuredLayers[]> {
  const folder = folderOf(machineKind);
  const files = await readdir(folder).catch(() => []);
  const read: MeasuredLayers[] = [];
  for (const file of files.filter(name => name.endsWith('.json')).sort()) {
    const parsed = measuredLayers.safeParse(parseJson((await readDocumentText(join(folder, file))) ?? ''));
    if (parsed.success) read.push(parsed.data);
  }
  return read;
}

function folderOf(machineKind: string): string {
  return join(userCacheFolder(), 'measured', hexOfDigest(digestOfBytes(machineKind)).slice(0, 32));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
