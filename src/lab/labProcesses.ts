import {setTimeout as delay} from 'node:timers/promises';
import {findMarkedProcesses, sendSignal} from './deviceProcesses.ts';

/** Between asking and forcing. */
const GRACE_MS = 1500;
const LOOK_EVERY_MS = 25;

/** In the environment of everything that a lab starts. */
export function labMarker(id: string): string {
  return `EDGEWISE_LAB=${id}`;
}

/** In the environment of everything that runs on one device of a lab. */
export function deviceMarker(id: string, device: string): string {
  return `EDGEWISE_LAB_DEVICE=${id}/${device}`;
}

/** Ends every process that carries the marker, also those that the slowdown holds stopped. */
export async function endMarkedProcesses(marker: string): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += LOOK_EVERY_MS) {
    const pids = findMarkedProcesses(marker).filter(pid => pid !== process.pid);
    if (pids.length === 0) return;
    for (const pid of pids) {
      if (waitedMs === 0) sendSignal(pid, 'SIGTERM');
      if (waitedMs >= GRACE_MS) sendSignal(pid, 'SIGKILL');
      sendSignal(pid, 'SIGCONT');
    }
    await delay(LOOK_EVERY_MS);
  }
}
