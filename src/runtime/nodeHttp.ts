/**
 * Node's own http and https. An `import` of node:http looks at each of its names, and one of them loads undici, HTTP/2 and the
 * streams of the web: a fifth of the processor time of each start of a program on a device (2026-11-30, Node 24.21).
 */
export const http = process.getBuiltinModule('node:http');
export const https = process.getBuiltinModule('node:https');
