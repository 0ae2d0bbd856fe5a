import {execFile} from 'node:child_process';
import {mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {sourceFromBytes} from '../../src/model/onnx/byteSource.ts';
import {modelFromSource} from '../../src/model/onnx/readModel.ts';
import type {OnnxModel} from '../../src/model/onnx/messages.ts';
import {bytesFromModel} from '../../src/model/onnx/writeModel.ts';
import {NEWEST_OPSET, OPERATOR_CHANGES} from '../../src/model/opset/operatorChanges.ts';
import {raiseOpset, standardOpset} from '../../src/model/opset/raiseOpset.ts';
import {modelOfCase} from '../unit/model/opsetCaseParts.ts';
import {OPSET_CASES} from '../unit/model/opsetCases.ts';

const python = process.env['EDGEWISE_PYTHON'];
const OLDEST_TARGET = 13;

interface Report {
  /** Models that ONNX Runtime ran in the old version, and those it has no kernel for. */
  readonly compared: number;
  readonly unsupported: number;
  /** The largest relative difference, or why the converted model was refused. */
  readonly different: Readonly<Record<string, number | string>>;
  /** The same for onnx.version_converter, which nothing depends on: where EDGEWISE_ASK_CONVERTER is set. */
  readonly converter: {
    readonly same: number;
    readonly fails: number;
    readonly differs: readonly string[];
  } | null;
}

describe.skipIf(python === undefined)(
  'opset conversion, by onnx and ONNX Runtime (set EDGEWISE_PYTHON to a Python that has them)',
  () => {
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'edgewise-opsets-'));
    });
    afterAll(() => rmSync(folder, {recursive: true, force: true}));

    async function runPython(script: string, ...args: readonly string[]): Promise<string> {
      const path = join(import.meta.dirname, script);
      const {stdout} = await promisify(execFile)(python!, [path, ...args], {maxBuffer: 2 ** 26});
      return stdout;
    }

    /** Writes the model in the next version that the quantiser or a caller may ask for; or says why that is refused. */
    function raiseFile(name: string, model: OnnxModel): string | null {
      const version = standardOpset(model) ?? NEWEST_OPSET;
      const target = version < OLDEST_TARGET ? OLDEST_TARGET : NEWEST_OPSET;
      try {
        const raised = raiseOpset(model, target).model;
        writeFileSync(join(folder, `${name}.raised-${target}.onnx`), bytesFromModel(raised));
        return null;
      } catch (error) {
        return (error as Error).message.replace(/^Layer .*? \(/, '(');
      }
    }

    it('the table of changes is what the schemas say', async () => {
      const printed = await runPython('operator_changes.py', String(NEWEST_OPSET));
      expect(JSON.parse(printed)).toEqual(OPERATOR_CHANGES);
    });

    it("ONNX's own cases answer the same bits after conversion, and all are converted but what is refused by name", async () => {
      await runPython('opset_peer.py', 'export', folder);
      const refused = new Set<string>();
      for (const file of readdirSync(folder).filter(name => name.endsWith('.onnx'))) {
        const source = sourceFromBytes(readFileSync(join(folder, file)));
        const verdict = raiseFile(file.slice(0, -'.onnx'.length), modelFromSource(source, {fileName: file}));
        if (verdict !== null) refused.add(verdict);
      }
      for (const [sentence, one] of Object.entries(OPSET_CASES)) {
        const name = `${sentence.replaceAll(/\W+/g, '-')}.${one.opset}`;
        writeFileSync(join(folder, `${name}.onnx`), bytesFromModel(modelOfCase(one)));
        const feeds = Object.entries(one.feeds).map(([input, {elementType, shape, bytes}]) => [
          input,
          {elementType, shape, base64: Buffer.from(bytes).toString('base64')},
        ]);
        writeFileSync(join(folder, `${name}.json`), JSON.stringify(Object.fromEntries(feeds)));
        raiseFile(name, modelOfCase(one));
      }
      const what = process.env['EDGEWISE_ASK_CONVERTER'] === undefined ? 'compare' : 'convert';
      const report = JSON.parse(await runPython('opset_peer.py', what, folder)) as Report;
      const {compared, unsupported, different, converter} = report;
      console.log(`${compared} models compared, ${unsupported} that ONNX Runtime has no kernel for`);
      if (converter !== null)
        console.log(
          `of the compared, onnx.version_converter gets ${converter.same} right, ${converter.differs.length} wrong ` +
            `(${converter.differs.join(', ')}) and cannot convert ${converter.fails}`,
        );
      expect([...refused]).toEqual([
        '(Scan) cannot be raised from opset 8 to 13: its meaning changed in opset 9.',
      ]);
      // ONNX Runtime sums the elements of a window in another order from version 19 on: the last bits differ.
      const unexpected = Object.entries(different).filter(
        ([name, by]) => !(/^test_averagepool_.*\.raised-21\.onnx$/.test(name) && Number(by) < 1e-6),
      );
      expect(unexpected).toEqual([]);
      expect(compared).toBeGreaterThan(1500);
    }, 300_000);
  },
);
