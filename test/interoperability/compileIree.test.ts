import {spawnSync} from 'node:child_process';
import {copyFile, readFile, stat, writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {describe, expect, test} from 'vitest';
import {buildFromYaml} from '../../src/documents/readDocument.ts';
import {inTemporaryFolder, ROOT, runEdgewise} from '../e2e/runEdgewise.ts';

const python = process.env['EDGEWISE_PYTHON'];
const bin = dirname(python ?? '');
const hasIree = python !== undefined && spawnSync(join(bin, 'iree-compile'), ['--version']).status === 0;
if (!hasIree)
  console.warn('compileIree: skipped; EDGEWISE_PYTHON names a Python beside which iree-compile is');

/** The largest difference between what IREE's runtime and ONNX Runtime, unoptimised, make of the same build. */
const COMPARE = `import sys, numpy, onnxruntime, iree.runtime
options = onnxruntime.SessionOptions()
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
session = onnxruntime.InferenceSession(sys.argv[1], options)
module = iree.runtime.load_vm_flatbuffer_file(sys.argv[2], driver='local-sync')
name = next(one for one in module.vm_module.function_names if not one.startswith('_') and '$' not in one)
random = numpy.random.default_rng(0)
differences = []
for _ in range(8):
    image = random.uniform(0, 1, (1, 3, 32, 32)).astype(numpy.float32)
    (expected,) = session.run(None, {session.get_inputs()[0].name: image})
    differences.append(numpy.abs(module[name](image).to_host() - expected).max())
print(max(differences))`;

describe.skipIf(!hasIree)('edgewise compile --target iree, with the tools of IREE in PATH', () => {
  test.each([
    // Probabilities: float32 that is summed in another order, and float16 that is rounded in other places.
    {precision: 'int8-weights', where: ['--device', 'here'], tolerance: 1e-5, ofTheFloatFile: 0.4},
    {precision: 'fp16', where: [], tolerance: 5e-3, ofTheFloatFile: 0.6},
    {precision: 'fp32', where: [], tolerance: 1e-5, ofTheFloatFile: 1.1},
  ])(
    'hands out what this machine runs, with the same answers: $precision',
    ({precision, where, tolerance, ofTheFloatFile}) =>
      inTemporaryFolder(async folder => {
        await copyFile(join(ROOT, 'templates/quickstart/pictures.onnx'), join(folder, 'model.onnx'));
        await writeFile(
          join(folder, 'edgewise.yaml'),
          'kind: edgewise/project\nformatVersion: 1\nmodel: {file: model.onnx}\ndevices:\n  - {name: here, address: local}\n',
        );
        const ended = await runEdgewise(['compile', ...where, '--target', 'iree', '--precision', precision], {
          cwd: folder,
          home: folder,
          environment: {PATH: `${bin}:${process.env['PATH'] ?? ''}`},
        });
        expect(ended.stderr).not.toMatch(/bug in edgewise/);
        expect(ended.exitCode, ended.stderr).toBe(0);
        const build = buildFromYaml(await readFile(join(folder, 'builds/iree.yaml'), 'utf8'), 'build');
        expect(build.compiled?.by).toEqual([expect.stringMatching(/^iree-compile \d+\.\d+/)]);
        expect(build.compiled?.files.map(({file}) => file)).toEqual(['builds/iree.vmfb']);
        const decisions = build.recipe.map(({decision}) => decision);
        expect(decisions).toContain('compiled for the processor host');
        // Each build was timed by IREE's own benchmark, and none that is slower than fp32 is handed out.
        expect(build.candidates?.every(({latencyMs}) => (latencyMs ?? 0) > 0)).toBe(true);
        expect(build.latency?.ratio).toBeLessThanOrEqual(1);
        const {size} = await stat(join(folder, 'builds/iree.vmfb'));
        const float = (await stat(join(folder, 'model.onnx'))).size;
        if (build.precision === precision) expect(size).toBeLessThan(ofTheFloatFile * float);
        const files = [join(folder, 'builds/iree.onnx'), join(folder, 'builds/iree.vmfb')];
        const compared = spawnSync(python ?? '', ['-c', COMPARE, ...files], {encoding: 'utf8'});
        expect(compared.status, compared.stderr).toBe(0);
        expect(Number(compared.stdout)).toBeLessThan(tolerance);
      }),
  );
});
