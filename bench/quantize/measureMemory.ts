import {statSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {startOurs, startPeer, type Made, type Quantizer} from './quantizer.ts';
import {calibrationOf, type Subject} from './subjects.ts';
import type {TablePrinter} from './table.ts';

const SAMPLES = 500;
const RECIPE = 'percentile';
/** The peer keeps every activation of every sample: this many show where it goes, and take minutes already. */
const PEER_SAMPLES = 30;

/** Peak resident memory (VmHWM) of a process that calibrates with histograms. */
export async function measureMemory(
  python: string,
  subjects: readonly Subject[],
  tables: TablePrinter,
): Promise<void> {
  const rows = tables.start(
    `peak memory with ${SAMPLES} calibration samples, histogram ranges (${RECIPE}), MB`,
    '≤ 3 × model + 300 MB',
    ['model', 'file', 'ours', 'limit', `peer with ${PEER_SAMPLES}`, 'seconds ours'],
  );
  for (const subject of subjects) {
    const out = join(tmpdir(), `edgewise-bench-${process.pid}.onnx`);
    const task = {model: subject.model, calibration: calibrationOf(subject), recipe: RECIPE, out};
    const megabytes = statSync(subject.model).size / 1e6;
    const limit = 3 * megabytes + 300;
    const ours = await once(startOurs({...task, samples: SAMPLES}));
    const peer = await once(startPeer(python, {...task, samples: PEER_SAMPLES})).catch(() => null);
    rows.add(
      [
        subject.name,
        megabytes.toFixed(1),
        ours.peakMegabytes.toFixed(0),
        limit.toFixed(0),
        peer?.peakMegabytes.toFixed(0) ?? 'fails',
        ours.seconds.toFixed(1),
      ],
      ours.peakMegabytes <= limit,
    );
  }
}

async function once(quantizer: Quantizer): Promise<Made> {
  try {
    return await quantizer.quantize();
  } finally {
    await quantizer.close();
  }
}
