import type {DevicePhase, Rollout, RolloutRecord} from '../documents/rollout.ts';

export interface DeviceProgress {
  readonly device: string;
  readonly wave: number;
  readonly phase: DevicePhase;
  readonly detail: string | null;
}

/** What a journal comes to. */
export interface RolloutState {
  readonly devices: ReadonlyMap<string, DeviceProgress>;
  readonly passedWaves: ReadonlySet<number>;
  readonly approvedWaves: ReadonlySet<number>;
  /** Why everything is being taken back; `null` while it goes forward. */
  readonly stopped: string | null;
  readonly ended: Extract<RolloutRecord, {record: 'ended'}> | null;
  /** When something last changed in a wave; soaking starts there. */
  readonly changedAtMs: ReadonlyMap<number, number>;
}

export function stateOfRollout({devices, records}: Pick<Rollout, 'devices' | 'records'>): RolloutState {
  const start: RolloutState = {
    devices: new Map(
      devices.map(({device, wave}) => [device, {device, wave, phase: 'waiting', detail: null}]),
    ),
    passedWaves: new Set(),
    approvedWaves: new Set(),
    stopped: null,
    ended: null,
    changedAtMs: new Map(),
  };
  return records.reduce(stateAfter, start);
}

/** A record of a device that the rollout does not have changes nothing. */
export function stateAfter(state: RolloutState, record: RolloutRecord): RolloutState {
  const atMs = Date.parse(record.at);
  switch (record.record) {
    case 'device': {
      const known = state.devices.get(record.device);
      if (known === undefined) return state;
      const next = {...known, phase: record.phase, detail: record.detail ?? null};
      return {
        ...state,
        devices: new Map(state.devices).set(record.device, next),
        changedAtMs: new Map(state.changedAtMs).set(known.wave, atMs),
      };
    }
    case 'gates':
      return record.verdict === 'pass'
        ? {...state, passedWaves: new Set(state.passedWaves).add(record.wave)}
        : state;
    case 'approved':
      return {...state, approvedWaves: new Set(state.approvedWaves).add(record.wave)};
    case 'stopped':
      return {...state, stopped: state.stopped ?? record.reason};
    case 'resumed':
      return resumed(state, atMs);
    case 'ended':
      return {...state, ended: record};
  }
}

/** Who was offline is tried again, and its wave with it; the patience with what could not be told begins anew. */
function resumed(state: RolloutState, atMs: number): RolloutState {
  const again = [...state.devices.values()].filter(({phase}) => phase === 'deferred');
  const waves = new Set([...state.devices.values()].map(({wave}) => wave));
  const passedWaves = new Set(state.passedWaves);
  for (const {wave} of again) passedWaves.delete(wave);
  return {
    ...state,
    ended: null,
    passedWaves,
    devices: new Map([
      ...state.devices,
      ...again.map(each => [each.device, {...each, phase: 'waiting' as const, detail: null}] as const),
    ]),
    changedAtMs: new Map([...waves].map(wave => [wave, atMs])),
  };
}
