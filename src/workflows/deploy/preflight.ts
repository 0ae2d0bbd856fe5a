import {EXIT, ExpectedError} from '../../errors.ts';
import type {DeviceTruth} from './readDeviceTruth.ts';

/** The folders, links and small files of a release, besides its blobs. */
const NEEDED_INODES = 200;
/** Node and ONNX Runtime take this much before they hold a model. */
const NEEDED_MEMORY_BYTES = 64 * 2 ** 20;
const NEEDED_TOOLS = ['ln', 'mv', 'mkdir', 'awk', 'cut', 'tr', 'sed', 'grep'];
const HASH_TOOLS = ['sha256sum', 'shasum', 'openssl'];

/**
 * Whether the device can take a release at all, before anything is sent.
 * @throws ExpectedError `device-read-only`, `inodes-full`, `device-tool-missing`, `memory-too-small`
 */
export function requireFit(truth: DeviceTruth, device: string): void {
  const lacking = NEEDED_TOOLS.filter(tool => !truth.tools.includes(tool));
  if (lacking.length > 0) throw toolMissing(`${device} has no ${lacking.join(', ')}.`, device);
  if (!HASH_TOOLS.some(tool => truth.tools.includes(tool)))
    throw toolMissing(`${device} has none of ${HASH_TOOLS.join(', ')} to check files with.`, device);
  if (!truth.isWritable)
    throw new ExpectedError(
      'device-read-only',
      `${device} cannot write to ${truth.home}: it is read-only or someone else's.`,
      EXIT.commandFailed,
      {hints: [`ssh ${device} mount`]},
    );
  if (truth.freeInodes !== null && truth.freeInodes < NEEDED_INODES)
    throw new ExpectedError(
      'inodes-full',
      `${device} can hold ${truth.freeInodes} more files; ${NEEDED_INODES} are needed.`,
      EXIT.commandFailed,
      {hints: [`ssh ${device} df -i`]},
    );
  if (truth.availableMemoryBytes !== null && truth.availableMemoryBytes < NEEDED_MEMORY_BYTES)
    throw new ExpectedError(
      'memory-too-small',
      `${device} has ${(truth.availableMemoryBytes / 1e6).toFixed(0)} MB of memory free; the runtime alone takes ${(NEEDED_MEMORY_BYTES / 1e6).toFixed(0)} MB.`,
      EXIT.commandFailed,
      {hints: [`ssh ${device} free -m`]},
    );
}

function toolMissing(message: string, device: string): ExpectedError {
  return new ExpectedError('device-tool-missing', message, EXIT.commandFailed, {
    hints: [`Install coreutils or busybox on ${device}`],
  });
}
