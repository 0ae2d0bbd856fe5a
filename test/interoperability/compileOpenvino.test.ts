import {spawnSync} from 'node:child_process';
import {copyFile, readFile, stat, writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {describe, expect, test} from 'vitest';
import {IMPROVEMENTS} from '../../src/documents/improvements.ts';
import {buildFromYaml} from '../../src/documents/readDocument.ts';
import {inTemporaryFolder, ROOT, runEdgewise} from '../e2e/runEdgewise.ts';

const python = process.env['EDGEWISE_PYTHON'];
const bin = dirname(python ?? '');
const hasOpenvino =
  python !== undefined &&
  spawnSync(join(bin, 'ovc'), ['--version'], {env: {...process.env, CI: 'true'}}).status === 0;
if (!hasOpenvino)
  console.warn(
    'compileOpenvino: skipped; EDGEWISE_PYTHON names a Python beside which ovc and benchmark_app are',
  );

const READ = `import json, sys, openvino
model = openvino.Core().read_model(sys.argv[1])
print(json.dumps([len(model.get_ops()), [list(one.shape) for one in model.inputs]]))`;

describe.skipIf(!hasOpenvino)(
  'edgewise compile --target openvino, with the tools of OpenVINO in PATH',
  () => {
    test.each(['auto', 'int4'])('hands out what ovc makes of it, which OpenVINO reads: %s', precision =>
      inTemporaryFolder(async folder => {
        await copyFile(join(ROOT, 'templates/quickstart/pictures.onnx'), join(folder, 'model.onnx'));
        await writeFile(
          join(folder, 'edgewise.yaml'),
          'kind: edgewise/project\nformatVersion: 1\nmodel: {file: model.onnx}\ndevices:\n  - {name: here, address: local}\n',
        );
        const args = [
          'compile',
          '--device',
          'here',
          '--target',
          'openvino',
          '--data',
          'random',
          '--samples',
          '8',
        ];
        // What is tried here is the compiler, not how good the integers get.
        const without = IMPROVEMENTS.flatMap(name => ['--without', name]);
        const ended = await runEdgewise([...args, ...without, '--precision', precision], {
          cwd: folder,
          home: folder,
          environment: {PATH: `${bin}:${process.env['PATH'] ?? ''}`},
        });
        expect(ended.stderr).not.toMatch(/bug in edgewise/);
        expect(ended.exitCode, ended.stderr).toBe(0);
        const build = buildFromYaml(await readFile(join(folder, 'builds/openvino.yaml'), 'utf8'), 'build');
        expect(build.compiled?.by).toEqual([expect.stringMatching(/^ovc \d+\.\d+\.\d+$/)]);
        expect(build.compiled?.files.map(({file}) => file)).toEqual([
          'builds/openvino.bin',
          'builds/openvino.xml',
        ]);
        for (const {file, sizeBytes} of build.compiled?.files ?? [])
          expect((await stat(join(folder, file))).size).toBe(sizeBytes);
        // Every build was timed by OpenVINO's own benchmark, and none that is slower than fp32 is handed out.
        expect(build.candidates?.every(({latencyMs}) => latencyMs !== undefined)).toBe(true);
        expect(build.latency?.ratio).toBeLessThanOrEqual(1);
        const read = spawnSync(python ?? '', ['-c', READ, join(folder, 'builds/openvino.xml')], {
          encoding: 'utf8',
        });
        expect(JSON.parse(read.stdout)).toEqual([expect.any(Number), [[1, 3, 32, 32]]]);
      }),
    );
  },
);
