import {z} from 'zod';
import {sha256Digest} from './header.ts';
import type {Release} from './release.ts';

// A release as an OCI image manifest, so that registries and their tools can hold it.
// Weights are raw layers: the layer's digest is the file's.

export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
export const RELEASE_TYPE = 'application/vnd.edgewise.release.v1+json';
export const WEIGHT_TYPE = 'application/vnd.cncf.model.weight.v1.raw';
const TITLE = 'org.opencontainers.image.title';

const descriptor = z.looseObject({
  mediaType: z.string(),
  digest: sha256Digest,
  size: z.int().nonnegative(),
  annotations: z.record(z.string(), z.string()).optional(),
});

export const manifestSchema = z.looseObject({
  schemaVersion: z.literal(2),
  mediaType: z.literal(MANIFEST_TYPE),
  artifactType: z.literal(RELEASE_TYPE),
  config: descriptor,
  layers: z.array(descriptor),
});
export type ReleaseManifest = z.infer<typeof manifestSchema>;

interface FileOfRelease {
  readonly path: string;
  readonly digest: string;
  readonly sizeBytes: number;
}

/**
 * The OCI manifest of a release: its document is the config, its files are the layers. Same release, same bytes.
 * @see https://github.com/opencontainers/image-spec/blob/main/manifest.md
 */
export function manifestFromRelease(
  release: Pick<Release, 'id' | 'device'>,
  document: Omit<FileOfRelease, 'path'>,
  files: readonly FileOfRelease[],
): string {
  const manifest: ReleaseManifest = {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    artifactType: RELEASE_TYPE,
    config: {mediaType: RELEASE_TYPE, digest: document.digest, size: document.sizeBytes},
    layers: files.map(({path, digest, sizeBytes}) => ({
      mediaType: WEIGHT_TYPE,
      digest,
      size: sizeBytes,
      annotations: {[TITLE]: path},
    })),
    annotations: {'dev.edgewise.release': release.id, 'dev.edgewise.device': release.device},
  };
  return JSON.stringify(manifest);
}

/** The files of a manifest, by the paths they have in the release's folder. */
export function filesOfManifest(manifest: ReleaseManifest): FileOfRelease[] {
  return manifest.layers.map(({digest, size, annotations}) => ({
    path: annotations?.[TITLE] ?? '',
    digest,
    sizeBytes: size,
  }));
}
