import type {Probe} from './probe.ts';

// Debian's and NVIDIA's packages, those of Red Hat, and the archive unpacked where its guide says.
const SCRIPT = [
  'for library in /usr/lib/*-linux-gnu /usr/lib64 /usr/local/tensorrt/lib /usr/local/TensorRT-*/lib /opt/tensorrt/lib',
  'do ls -d "$library"/libnvinfer.so.* 2>/dev/null; done',
].join('; ');

/** Version of TensorRT's library, from its file name; the newest where there are several. */
export const tensorrt: Probe<string> = {
  argv: ['sh', '-c', SCRIPT],
  parse: stdout => {
    const versions = [...stdout.matchAll(/\/libnvinfer\.so\.(\d+\.\d+(?:\.\d+)*)$/gm)].map(
      match => match[1] ?? '',
    );
    return versions.sort(compareVersions).at(-1);
  },
};

function compareVersions(one: string, other: string): number {
  return one.localeCompare(other, 'en', {numeric: true});
}
