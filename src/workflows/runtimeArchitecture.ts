import type {RuntimeArchitecture} from '../workspace/runtimeFiles.ts';

export function runtimeArchitectureOf(architecture: string): RuntimeArchitecture {
  return architecture === 'aarch64' || architecture === 'arm64' ? 'arm64' : 'x64';
}
