import {describe, expect, it} from 'vitest';
import {ExpectedError} from '../../../../src/errors.ts';
import {obstaclesFrom} from '../../../../src/workflows/deploy/preflight.ts';
import {truthFrom} from '../../../../src/workflows/deploy/readDeviceTruth.ts';
import {requireFit, type Load} from '../../../../src/workflows/deploy/requireFit.ts';

const TOOLS =
  'sha256sum awk basename cat chmod cut dd df dirname grep ln mkdir mv readlink rm sed sync tr wc'.split(' ');

/** What truth.sh prints on a board with room, before its first push. */
const WELL: Readonly<Record<string, string>> = {
  home: '/home/pi',
  freeKilobytes: '900000',
  freeInodes: '100000',
  writable: 'yes',
  uptime: '12.5',
  bootId: 'b1',
  memoryKilobytes: '900000',
  ...Object.fromEntries(TOOLS.map(tool => [`tool:${tool}`, 'yes'])),
  user: 'pi',
  mountOptions: 'rw,relatime',
  blobKilobytes: '0',
  fileBlocksLimit: 'unlimited',
  addressKilobytesLimit: 'unlimited',
  openFilesLimit: '1024',
  listening: '0100007F:1F90 0F02000A:1770 00000000000000000000000000000000:0016',
};
const LOAD: Load = {files: [{sizeBytes: 120e6}, {sizeBytes: 46e6}], port: 6000};
const OWN_AGENT = {supervisor: '7', agentAlive: 'yes', state: '{"status": "serving", "port": 8080}'};

function refusalOf(change: Readonly<Record<string, string | undefined>>, load: Load = LOAD): string | null {
  const lines = Object.entries({...WELL, ...change}).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key} ${value}`],
  );
  const stdout = `${lines.join('\n')}\n`;
  try {
    requireFit({truth: truthFrom(stdout), obstacles: obstaclesFrom(stdout)}, 'pi-7', load);
    return null;
  } catch (error) {
    if (!(error instanceof ExpectedError)) throw error;
    expect(error.hints).not.toEqual([]);
    return error.code;
  }
}

describe('a device takes a release', () => {
  for (const [title, change, load] of [
    ['with room for it', {}, LOAD],
    ['on a file system that counts no inodes', {freeInodes: ''}, LOAD],
    ['on one that does not tell what its blobs take', {freeKilobytes: '20000', blobKilobytes: ''}, LOAD],
    ['on one that does not tell its options', {mountOptions: ''}, LOAD],
    [
      'whose runtime is there, on a disk that would not hold a second',
      {freeKilobytes: '20000', blobKilobytes: '170000'},
      LOAD,
    ],
    ['whose port somebody has on another address', {}, {...LOAD, port: 0x1770}],
    ['whose port its own agent has', OWN_AGENT, {...LOAD, port: 8080}],
    [
      'whose agent is just coming up on it',
      {...OWN_AGENT, state: '{"status": "starting"}'},
      {...LOAD, port: 8080},
    ],
  ] as const) {
    it(title, () => expect(refusalOf(change, load)).toBeNull());
  }
});

describe('a device refuses a release', () => {
  for (const [title, code, change, load] of [
    ['without awk', 'device-tool-missing', {'tool:awk': undefined}, LOAD],
    ['without anything to check files with', 'device-tool-missing', {'tool:sha256sum': undefined}, LOAD],
    ['without /proc', 'device-proc-missing', {uptime: '', bootId: ''}, LOAD],
    ['without the home folder', 'home-missing', {homeMissing: 'yes', writable: undefined}, LOAD],
    ['mounted read-only', 'device-read-only', {mountOptions: 'ro,relatime', writable: undefined}, LOAD],
    ['that it may not write', 'device-not-writable', {writable: undefined}, LOAD],
    ['into a folder of somebody else', 'device-not-writable', {'unwritable:blobs': 'root'}, LOAD],
    ['mounted noexec', 'device-no-execute', {mountOptions: 'rw,noexec'}, LOAD],
    ['with a file for a folder', 'device-in-the-way', {'inTheWay:releases': 'yes'}, LOAD],
    ['with too little room', 'disk-full', {freeKilobytes: '170000'}, LOAD],
    ['with too few inodes', 'inodes-full', {freeInodes: '199'}, LOAD],
    ['that is larger than a file may be', 'device-limit-too-low', {fileBlocksLimit: '200000'}, LOAD],
    ['with too little address space', 'device-limit-too-low', {addressKilobytesLimit: '1000000'}, LOAD],
    ['with too few open files', 'device-limit-too-low', {openFilesLimit: '64'}, LOAD],
    ['with too little memory', 'memory-too-small', {memoryKilobytes: '60000'}, LOAD],
    ['whose port is taken', 'port-in-use', {}, {...LOAD, port: 8080}],
    ['whose port is taken on all addresses', 'port-in-use', {}, {...LOAD, port: 0x16}],
    ['whose new port somebody else has', 'port-in-use', OWN_AGENT, {...LOAD, port: 0x16}],
  ] as const) {
    it(title, () => expect(refusalOf(change, load)).toBe(code));
  }
});
