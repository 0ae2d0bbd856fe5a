import type {ProjectGateway} from '../../documents/project.ts';

/** Where the gateway's endpoint listens: on its loopback unless the project names an address. */
export function listenOf({url, listen = {}}: ProjectGateway): {readonly host: string; readonly port: number} {
  const {protocol, port} = new URL(url);
  const portOfUrl = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
  return {host: listen.address ?? '127.0.0.1', port: listen.port ?? portOfUrl};
}
