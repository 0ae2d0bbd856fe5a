#!/usr/bin/env node
// Runs the sources without a build: Node 24 strips the types.
const {runCommandLine} = await import('../src/terminal/runCommandLine.ts');
await runCommandLine(process.argv.slice(2), import.meta.url, {fromSources: true});
