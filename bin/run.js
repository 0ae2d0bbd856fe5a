#!/usr/bin/env node
// Plain, old JavaScript on purpose: this file must parse on any Node, so that it can say which one is needed.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 13)) {
  process.stderr.write(
    `edgewise needs Node.js 22.13 or newer; this is ${process.version} (${process.execPath}).\n`,
  );
  process.exitCode = 2;
} else {
  const {runCommandLine} = await import('../dist/terminal/runCommandLine.js');
  await runCommandLine(process.argv.slice(2), import.meta.url);
}
