#!/usr/bin/env node
// Makes a checkout ready (dependencies installed, sources built), then runs the command that follows it with the
// pinned Node of node_modules/.bin first in PATH: `node bin/prepare.js vitest run`.
// Must run on Node 20, which is what the user's machine may have.
import {spawnSync} from 'node:child_process';
import {existsSync, readdirSync, statSync, writeFileSync} from 'node:fs';
import {delimiter, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const environment = {...process.env, PATH: join(root, 'node_modules', '.bin') + delimiter + process.env.PATH};

function run(command, args, options = {}) {
  const result = spawnSync(command, args, {stdio: 'inherit', env: environment, ...options});
  if (result.error) {
    process.stderr.write(`edgewise: could not start ${command}: ${result.error.message}\n`);
    process.exit(127);
  }
  if (result.signal) process.kill(process.pid, result.signal);
  return result.status ?? 1;
}

function newestChange(path) {
  if (!existsSync(path)) return 0;
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(stats.mtimeMs, ...readdirSync(path).map(name => newestChange(join(path, name))));
}

const at = (...parts) => join(root, ...parts);
const installed = at('node_modules', '.package-lock.json');
if (newestChange(at('package-lock.json')) > newestChange(installed)) {
  process.stderr.write('edgewise: installing dependencies (npm ci)\n');
  const status = run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    env: {...environment, ONNXRUNTIME_NODE_INSTALL: process.env.ONNXRUNTIME_NODE_INSTALL ?? 'skip'},
    // What npm prints is not the result of the command that follows.
    stdio: ['inherit', 2, 2],
  });
  if (status !== 0) process.exit(status);
}

const stamp = at('dist', '.built');
const sources = ['src', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json', 'bin'].map(name =>
  newestChange(at(name)),
);
if (Math.max(...sources) > newestChange(stamp)) {
  process.stderr.write('edgewise: building\n');
  const status = run('npm', ['run', '--silent', 'build'], {cwd: root, stdio: ['inherit', 2, 2]});
  if (status !== 0) process.exit(status);
  writeFileSync(stamp, '');
}

const [command, ...args] = process.argv.slice(2);
if (command) process.exitCode = run(command, args);
