/** HTTP to a server on loopback: one connection per request, no redirects, no proxy, bounded answers. */
import { request as send } from 'node:http';

const maxBodyBytes = 2 ** 20;

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface HttpQuestion {
  readonly port: number;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly seconds: number;
  readonly signal: AbortSignal;
}

/** Rejects with an Error whose message says what happened: `did not answer within 30 s`, `closed the connection`. */
export function ask(question: HttpQuestion): Promise<HttpAnswer> {
  const { port, method, path, headers, body, seconds, signal } = question;
  const timeout = AbortSignal.timeout(seconds * 1000);
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void =>
      reject(
        new Error(timeout.aborted ? `did not answer within ${Number(seconds.toFixed(1))} s` : reasonOf(error), { cause: error }),
      );
    const request = send(
      {
        ...{ host: '127.0.0.1', port, method, path, agent: false, signal: AbortSignal.any([timeout, signal]) },
        headers: { ...headers, connection: 'close', ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }) },
      },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          chunks.push(chunk);
          if (size > maxBodyBytes) request.destroy(new Error(`sent more than ${maxBodyBytes} bytes`));
        });
        response.on('error', fail);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            contentType: response.headers['content-type'] ?? '',
            body: Buffer.concat(chunks).toString('utf8'),
          }),
        );
      },
    );
    request.on('error', fail);
    request.end(body);
  });
}

function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'ECONNREFUSED') return 'is not listening';
  if (error.code === 'ECONNRESET' || error.code === 'EPIPE') return 'closed the connection without an answer';
  if (error.code?.startsWith('HPE_')) return 'answered with something that is not HTTP';
  return error.message;
}
