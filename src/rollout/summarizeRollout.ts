import type {GateResult, Rollout, RolloutSummary} from '../documents/rollout.ts';
import {stateOfRollout} from './rolloutState.ts';

/** What a journal comes to, for people and programs that were not there. */
export function summarizeRollout(rollout: Rollout): RolloutSummary {
  const state = stateOfRollout(rollout);
  const verdicts = new Map<number, {verdict: GateResult['verdict']; results: readonly GateResult[]}>();
  for (const record of rollout.records)
    if (record.record === 'gates')
      verdicts.set(record.wave, {verdict: record.verdict, results: record.results});
  const releases = new Map(
    rollout.records.flatMap(record =>
      record.record === 'device' && record.release !== undefined
        ? [[record.device, record.release] as const]
        : [],
    ),
  );
  const waves = [...new Set(rollout.devices.map(({wave}) => wave))].toSorted((a, b) => a - b);
  return {
    id: rollout.id,
    startedAt: rollout.madeAt,
    outcome: state.ended?.outcome ?? null,
    reason: state.ended?.reason ?? state.stopped,
    waves: waves.map(wave => ({
      wave,
      devices: rollout.devices.filter(each => each.wave === wave).length,
      verdict: verdicts.get(wave)?.verdict ?? null,
      gates: [...(verdicts.get(wave)?.results ?? [])],
    })),
    devices: rollout.devices.map(({device, hardwareClass, wave}) => ({
      device,
      hardwareClass,
      wave,
      phase: state.devices.get(device)?.phase ?? 'waiting',
      release: releases.get(device) ?? null,
      detail: state.devices.get(device)?.detail ?? null,
    })),
  };
}
