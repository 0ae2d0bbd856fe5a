import {readFileSync} from 'node:fs';

const FILE = new URL('../fixtures/saturation/haswell.json', import.meta.url);

/**
 * SHA-256 of what Python's onnxruntime 1.32 gave for each of SATURATING_CASES under qemu-x86_64 7.2 -cpu Haswell; the
 * interoperability test makes them anew and compares.
 */
export function recordedDigests(): Readonly<Record<string, string>> {
  return JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, string>;
}
