/** A thin proxy in front of a real registry, which makes the faults that a registry has. */
import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
}

/** An answer instead of the registry's; `cut`: the connection ends in the middle; `hang`: nothing comes. */
export type Fault =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  | 'cut'
  | 'hang';

export interface RegistryProxy {
  readonly host: string;
  readonly asked: Asked[];
  /** What happens to a request before it reaches the registry; null: nothing. */
  fault: (asked: Asked) => Fault | null;
  /** Done after the registry has answered and before the client knows. */
  after: (asked: Asked) => Promise<void>;
  close(): Promise<void>;
}

export async function startRegistryProxy(registry: string): Promise<RegistryProxy> {
  const [hostname = '', port] = registry.split(':');
  const forward = (request: IncomingMessage, response: ServerResponse, asked: Asked): void => {
    // The Host header stays, so that the registry sends uploads here again.
    const out = send({ hostname, port, method: request.method, path: request.url, headers: request.headers }, (answer) => {
      void proxy.after(asked).then(() => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
    });
    out.on('error', () => response.destroy());
    request.pipe(out);
  };
  const server = createServer((request, response) => {
    const { method = '', url: path = '', headers } = request;
    const asked = { method, path, authorization: headers.authorization };
    proxy.asked.push(asked);
    const fault = proxy.fault(asked);
    if (fault === null) return forward(request, response, asked);
    request.resume();
    if (fault === 'hang') return;
    if (fault === 'cut') return void response.destroy();
    request.on('end', () => response.writeHead(fault.status, { ...fault.headers }).end(fault.body ?? ''));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: RegistryProxy = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    fault: () => null,
    after: async () => undefined,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return proxy;
}
