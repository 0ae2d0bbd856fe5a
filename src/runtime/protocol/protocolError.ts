/** Something to answer a request with, other than a result. */
export class ProtocolError extends Error {
  readonly httpStatus: number;

  constructor(httpStatus: number, message: string) {
    super(message);
    this.name = 'ProtocolError';
    this.httpStatus = httpStatus;
  }
}
