const encoder = new TextEncoder();

/**
 * The bytes that a DSSE signature is over: type and body with their lengths, so that neither can pass for the other.
 * @see https://github.com/secure-systems-lab/dsse/blob/master/protocol.md
 */
export function preAuthenticationEncoding(payloadType: string, body: Uint8Array): Uint8Array {
  const typeBytes = encoder.encode(payloadType);
  const head = encoder.encode(`DSSEv1 ${typeBytes.length} ${payloadType} ${body.length} `);
  const encoded = new Uint8Array(head.length + body.length);
  encoded.set(head);
  encoded.set(body, head.length);
  return encoded;
}
