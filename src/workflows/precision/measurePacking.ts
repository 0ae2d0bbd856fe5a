import type {Machine} from '../../device/machine.ts';
import type {MeasuredMs, PackingCost} from '../../documents/profile.ts';
import {runStepOn, type EmitEvent} from '../../events.ts';
import type {ProtocolClient} from '../../runtime/client.ts';
import {packingSample} from '../../runtime/measure/timePacking.ts';
import {PACKING_EXTENSION} from '../../runtime/protocol/packing.ts';
import {ECHO_MODEL} from '../../runtime/server/echoModel.ts';
import {requireSuccess} from '../deploy/runOnDevice.ts';

const RUNS = 12;
const TIMEOUT_MS = 300_000;

/** What packing costs on the device, whose runtime must have been shipped. */
export async function measurePacking(
  machine: Machine,
  {home, runtimeHex}: {readonly home: string; readonly runtimeHex: string},
  emit: EmitEvent,
): Promise<PackingCost> {
  const folder = `${home}/.edgewise/runtime/${runtimeHex}`;
  const argv = [`${folder}/bin/node`, `${folder}/edgewise.mjs`, 'time-packing', '--runs', String(RUNS)];
  return runStepOn(
    emit,
    machine.name,
    'packing',
    'measure what packing costs',
    async () => {
      const result = requireSuccess(machine, await machine.run(argv, {timeoutMs: TIMEOUT_MS}));
      const {medianMs, runs} = JSON.parse(result.stdout) as MeasuredMs;
      return costFrom(medianMs, runs);
    },
    ({nsPerByte}) => ({detail: `${nsPerByte.toFixed(1)} ns a byte`}),
  );
}

/** What unpacking costs in the cloud: what a packed request takes it longer. `null` where it takes none. */
export async function measureUnpacking(client: ProtocolClient): Promise<PackingCost | null> {
  const {extensions} = await client.readServerMetadata();
  if (!extensions.includes(PACKING_EXTENSION)) return null;
  const bytes = packingSample();
  const inputs = {data: {elementType: 'uint8', shape: [bytes.byteLength], bytes} as const};
  const ask = async (isPacked: boolean): Promise<number> => {
    const parameters = {reply_bytes: 0};
    const answer = await client.infer(ECHO_MODEL, {inputs, parameters}, {isPacked});
    return answer.serverTiming.get('total') ?? 0;
  };
  const times: Record<'plain' | 'packed', number[]> = {plain: [], packed: []};
  for (let run = -2; run < RUNS; run++) {
    const [plain, packed] = [await ask(false), await ask(true)];
    if (run < 0) continue;
    times.plain.push(plain);
    times.packed.push(packed);
  }
  return costFrom(Math.max(0, middleOf(times.packed) - middleOf(times.plain)), RUNS);
}

function costFrom(ms: number, runs: number): PackingCost {
  return {nsPerByte: (ms * 1e6) / packingSample().byteLength, runs, obtained: 'measured'};
}

function middleOf(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
