import {endMarkedProcesses} from './labProcesses.ts';

// Outlives the lab's daemon by a moment: when the daemon is gone, in whatever way, its end of our stdin closes, and
// everything that carries the lab's marker ends. Argument: the marker.

const marker = process.argv[2] ?? '';
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.on('SIGHUP', () => {});
process.stdin.resume();
process.stdin.on('error', () => {});
process.stdin.once('close', () => void endMarkedProcesses(marker));
