import {execFile} from 'node:child_process';
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {OnnxModel} from '../../src/model/onnx/messages.ts';
import {bytesFromModel} from '../../src/model/onnx/writeModel.ts';
import {prepareFloatModel} from '../../src/workflows/prepareFloatModel.ts';
import {quantizeModel, writeCorpusModel} from '../tools/corpus/checkModel.ts';
import {CORPUS} from '../tools/corpus/corpus.ts';
import {randomFeed, sampleRunnerHere} from '../tools/corpus/runHere.ts';

const python = process.env['EDGEWISE_PYTHON'];

describe.skipIf(python === undefined)(
  'the corpus, by onnx.checker (set EDGEWISE_PYTHON to a Python that has onnx)',
  () => {
    let folder: string;
    let target: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'edgewise-corpus-'));
      target = join(folder, 'made');
      mkdirSync(target);
    });
    afterAll(() => rmSync(folder, {recursive: true, force: true}));

    const save = (name: string, model: OnnxModel): void =>
      writeFileSync(join(target, `${name.replaceAll(/\W+/g, '-')}.onnx`), bytesFromModel(model));

    it('every prepared and every quantised model passes the full check', async () => {
      for (const one of CORPUS) {
        const modelFile = await writeCorpusModel(one, folder);
        const float = await prepareFloatModel({
          modelFile,
          inputShapes: one.shapes ?? {},
          temporaryFolder: folder,
        });
        const quantized = await quantizeModel(float.graph, sampleRunnerHere(randomFeed(float.inputs), 1));
        save(`${one.name} prepared`, float.model);
        save(`${one.name} quantised`, quantized.model);
        await float.close();
      }
      const {stdout} = await promisify(execFile)(python!, [
        join(import.meta.dirname, 'check_models.py'),
        target,
        '--full',
      ]);
      expect(JSON.parse(stdout)).toEqual({checked: 2 * CORPUS.length, refused: {}});
    }, 180_000);
  },
);
