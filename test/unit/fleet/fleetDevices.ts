import type {FleetDevice} from '../../../src/fleet/deviceClasses.ts';
import type {MeasuredSpeed} from '../../../src/fleet/differenceOfProfiles.ts';

/** Measurements of a device whose layers take `layersMs` and whose link has `upBytesPerSecond`. */
export function speedOf(
  layersMs: readonly number[],
  link: {up: number; down?: number; fixedMs?: number} | null = null,
): MeasuredSpeed {
  const measured = {medianMs: 1, spreadMs: 0.1, runs: 10, obtained: 'measured'} as const;
  const sum = layersMs.reduce((total, ms) => total + ms, 0);
  return {
    times: {
      build: `sha256:${'a'.repeat(64)}`,
      threads: 4,
      wholeRun: {...measured, medianMs: sum},
      layers: layersMs.map((ms, index) => ({name: `layer${index}`, operator: 'Conv', ms})),
      requestOverhead: measured,
      sessionOverhead: measured,
    },
    link:
      link === null
        ? null
        : {
            to: 'cloud',
            fixedMs: link.fixedMs ?? 20,
            roundTripMs: link.fixedMs ?? 20,
            upBytesPerSecond: link.up,
            downBytesPerSecond: link.down ?? link.up,
            residualMs: 0.1,
            samples: 20,
            obtained: 'measured',
          },
  };
}

export function deviceOf(name: string, rest: Partial<FleetDevice> = {}): FleetDevice {
  return {
    name,
    labels: {},
    traits: {target: 'arm64', cores: '4-cores', memory: '4096-mib'},
    speed: null,
    ...rest,
  };
}
