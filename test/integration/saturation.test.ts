import {createHash} from 'node:crypto';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {bytesFromModel} from '../../src/model/onnx/writeModel.ts';
import {openSaturatingModel} from '../../src/workflows/openSaturatingModel.ts';
import {recordedDigests} from './recordedSaturation.ts';
import {SATURATING_CASES} from './saturatingModels.ts';

describe('on x86 without VNNI, as recorded,', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'edgewise-saturation-'));
  });
  afterAll(() => rmSync(folder, {recursive: true, force: true}));

  it.each(
    SATURATING_CASES.map(
      one => [one.title, one.saturates ? 'can saturate' : 'cannot saturate', one] as const,
    ),
  )('%s %s', async (title, _, {model, input, saturates}) => {
    const path = join(folder, 'model.onnx');
    writeFileSync(path, bytesFromModel(model));
    const emulated = await openSaturatingModel(path, {temporaryFolder: folder, threads: 1});
    try {
      const [output] = Object.values(await emulated.run({x: input}));
      const digest = createHash('sha256').update(output!.bytes).digest('hex');
      expect(digest).toBe(recordedDigests()[title]);
      expect(emulated.saturating.length).toBe(saturates ? 1 : 0);
      expect(emulated.unknown).toEqual([]);
    } finally {
      await emulated.close();
    }
  });
});
