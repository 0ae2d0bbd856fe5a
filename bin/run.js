#!/usr/bin/env node
// Plain, old JavaScript on purpose: this file must parse on any Node, so that it can say which one is needed.
const [major, minor] = process.versions.node.split('.').map(Number);
// 23 came before what 22.15 learnt.
if (major < 22 || (major === 22 && minor < 15) || (major === 23 && minor < 8)) {
  process.stderr.write(
    `edgewise needs Node.js 22.15 or newer; this is ${process.version} (${process.execPath}).\n`,
  );
  process.exitCode = 2;
} else {
  const {runCommandLine} = await import('../dist/terminal/runCommandLine.js');
  await runCommandLine(process.argv.slice(2), import.meta.url);
}
