/** HTTP of one connection and nothing more: what posts thousands of times a second must not take the time of what it measures. */
import { connect, type Socket } from 'node:net';

export interface PlainRequest {
  readonly path: string;
  readonly token: string;
  /** JSON, of ASCII alone. */
  readonly body: string;
}

const noAnswerMs = 20_000;

/** Keeps its connection while the server does; posts one after the other. */
export class PlainClient {
  readonly #url: URL;
  #socket: Socket | null = null;

  constructor(url: string) {
    this.#url = new URL(url);
  }

  /** @returns the status of the whole answer. @throws when there is none: what was asked may have been done or not. */
  post({ path, token, body }: PlainRequest): Promise<number> {
    const socket = this.#connected();
    return new Promise((resolve, reject) => {
      let answer = '';
      const end = () => socket.removeAllListeners().on('error', () => {});
      const fail = (why: unknown) => {
        end();
        this.close();
        reject(why instanceof Error ? why : new Error('The connection ended before the answer'));
      };
      socket.on('error', fail).on('close', fail);
      socket.on('timeout', () => fail(new Error('No answer')));
      socket.on('data', (part) => {
        answer += part;
        const head = answer.indexOf('\r\n\r\n');
        if (head === -1) return;
        const length = /^content-length: *(\d+)/im.exec(answer)?.[1];
        if (length === undefined) return fail(new Error(`An answer without its length: ${answer.slice(0, head)}`));
        if (answer.length < head + 4 + Number(length)) return;
        end();
        if (/^connection: *close/im.test(answer.slice(0, head))) this.close();
        resolve(Number(answer.slice(9, 12)));
      });
      socket.write(
        `POST ${path} HTTP/1.1\r\nhost: ${this.#url.host}\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
        'latin1',
      );
    });
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = null;
  }

  #connected(): Socket {
    if (this.#socket && !this.#socket.destroyed && this.#socket.writable && !this.#socket.readableEnded) return this.#socket;
    const { hostname, port } = this.#url;
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true })
      .setEncoding('latin1')
      .setTimeout(noAnswerMs);
    return this.#socket;
  }
}
