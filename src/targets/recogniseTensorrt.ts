import type {TargetFacts} from './target.ts';

/**
 * A GPU that CUDA can use, TensorRT's library and its compiler: the library alone is also found on machines that only
 * link against it.
 */
export function recogniseTensorrt(
  {architecture, linuxForTegra, nvidiaDriver, tensorrt, tools}: TargetFacts,
  isVersion: (major: number) => boolean,
): readonly string[] | null {
  if (architecture !== 'arm64' && architecture !== 'x64') return null;
  const gpu =
    linuxForTegra !== undefined
      ? `Linux for Tegra ${linuxForTegra}`
      : nvidiaDriver === undefined
        ? null
        : `NVIDIA driver ${nvidiaDriver}`;
  if (gpu === null || tensorrt === undefined || tools?.trtexec === undefined) return null;
  return isVersion(Number.parseInt(tensorrt, 10)) ? [gpu, `TensorRT ${tensorrt}`, 'trtexec'] : null;
}
