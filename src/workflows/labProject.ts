import {createServer} from 'node:net';
import {dirname, relative} from 'node:path';
import {stringify} from 'yaml';
import type {Project} from '../documents/project.ts';
import type {LabState} from '../lab/lab.ts';
import {writeDocument} from '../workspace/projectFolder.ts';

export interface Evaluation {
  /** .npy file per input. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly labels?: string;
}

/** A project on a lab's devices and cloud; paths are written relative to it, so that its folder can be looked through. */
export async function writeLabProject(
  file: string,
  lab: LabState,
  {
    modelFile,
    inputShapes,
    isCloudDirect = true,
    evaluation,
  }: {
    modelFile: string;
    inputShapes: Readonly<Record<string, readonly number[]>>;
    /** Whether devices reach the cloud past their gateway, too. */
    isCloudDirect?: boolean;
    evaluation?: Evaluation;
  },
): Promise<void> {
  const ports = await freePorts(lab.devices.length);
  const {gateways = []} = lab;
  const loopback = (port: number): string => `http://127.0.0.1:${port}`;
  const project: Project = {
    kind: 'edgewise/project',
    formatVersion: 1,
    model: {
      file: modelFile,
      ...(Object.keys(inputShapes).length === 0
        ? {}
        : {
            inputs: Object.fromEntries(
              Object.entries(inputShapes).map(([name, shape]) => [name, [...shape]]),
            ),
          }),
    },
    ...(evaluation === undefined
      ? {}
      : {
          evaluation: {
            inputs: {...evaluation.inputs},
            ...(evaluation.labels === undefined ? {} : {labels: evaluation.labels}),
          },
        }),
    ssh: {configFile: relative(dirname(file), lab.sshConfigFile)},
    devices: lab.devices.map(({name}, index) => ({
      name,
      address: name,
      endpointPort: ports[index] ?? 0,
      ...(gateways.length === 0 ? {} : {gateway: gateways[index % gateways.length]!.name}),
      ...(gateways.length > 0 && isCloudDirect ? {reachesCloud: true} : {}),
    })),
    ...(gateways.length === 0
      ? {}
      : {
          gateways: gateways.map(({name, endpointPort, deviceLink, cloudLink}) => ({
            name,
            address: name,
            url: loopback(deviceLink.port),
            listen: {port: endpointPort},
            ...(cloudLink === null ? {} : {cloudUrl: loopback(cloudLink.port)}),
          })),
        }),
    ...(lab.cloud === null
      ? {}
      : {clouds: [{name: 'cloud', url: lab.cloud.url, managementUrl: lab.cloud.managementUrl}]}),
  };
  await writeDocument(file, stringify(project, {flowCollectionPadding: false}));
}

/** Emulated devices share this machine's loopback, so each needs an endpoint port of its own. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({length: count}, () => createServer());
  const ports = await Promise.all(
    servers.map(
      server =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject);
          server.listen(0, '127.0.0.1', () => {
            const address = server.address();
            if (address === null || typeof address === 'string') reject(new Error('no port'));
            else resolve(address.port);
          });
        }),
    ),
  );
  await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))));
  return ports;
}
