/** GET /metrics: what this server does, for Prometheus (text format 0.0.4). Each replica tells of itself. */
import type { Context, MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import { type Database, isAlive } from '../store/database.ts';

/** Upper ends in seconds. */
const borders = [0.005, 0.02, 0.05, 0.1, 0.3, 1, 3, 10] as const;

interface Route {
  readonly labels: string;
  readonly byStatus: Map<number, number>;
  /** How many were within each border and not within the one before; last, those beyond all. */
  readonly within: number[];
  seconds: number;
  n: number;
}

const quoted = (text: string): string => text.replaceAll(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`));

interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly lines: readonly string[];
}
const textOf = ({ name, type, help, lines }: Family): string =>
  [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines, ''].join('\n');

function histogram(name: string, { labels, within, seconds, n }: Route): readonly string[] {
  let upTo = 0;
  return [
    ...borders.map((border, i) => {
      upTo += within[i] ?? 0;
      return `${name}_bucket{${labels},le="${border}"} ${upTo}`;
    }),
    `${name}_bucket{${labels},le="+Inf"} ${n}`,
    `${name}_sum{${labels}} ${seconds}`,
    `${name}_count{${labels}} ${n}`,
  ];
}

export function usageOf(db: Database, version: string): { count: MiddlewareHandler; expose(c: Context): Promise<Response> } {
  const routes = new Map<string, Route>();
  const count: MiddlewareHandler = async (c, next) => {
    const start = performance.now();
    await next();
    const seconds = (performance.now() - start) / 1000;
    // The pattern of the route, never the path: ids would make a series each. What stands before every route matches all.
    const [method, path] = [c.req.method, matchedRoutes(c).findLast((one) => one.path !== '/*')?.path ?? '/*'];
    const key = `${method} ${path}`;
    let route = routes.get(key);
    if (!route) {
      const labels = `method="${quoted(method)}",route="${quoted(path)}"`;
      route = { labels, byStatus: new Map(), within: [...borders, 0].map(() => 0), seconds: 0, n: 0 };
      routes.set(key, route);
    }
    route.byStatus.set(c.res.status, (route.byStatus.get(c.res.status) ?? 0) + 1);
    let place = 0;
    while (seconds > (borders[place] ?? Number.POSITIVE_INFINITY)) place++;
    route.within[place] = (route.within[place] ?? 0) + 1;
    route.seconds += seconds;
    route.n += 1;
  };
  const expose = async (c: Context): Promise<Response> => {
    const isUp = await isAlive(db);
    const families: readonly Family[] = [
      {
        name: 'flightcheck_tower_info',
        type: 'gauge',
        help: 'Version of this server.',
        lines: [`flightcheck_tower_info{version="${quoted(version)}"} 1`],
      },
      {
        name: 'flightcheck_tower_database_up',
        type: 'gauge',
        help: '1 when the database answers.',
        lines: [`flightcheck_tower_database_up ${isUp ? 1 : 0}`],
      },
      {
        name: 'process_resident_memory_bytes',
        type: 'gauge',
        help: 'Memory of this server.',
        lines: [`process_resident_memory_bytes ${process.memoryUsage.rss()}`],
      },
      {
        name: 'process_start_time_seconds',
        type: 'gauge',
        help: 'When this server started.',
        lines: [`process_start_time_seconds ${Math.round(Date.now() / 1000 - process.uptime())}`],
      },
      {
        name: 'http_server_requests_total',
        type: 'counter',
        help: 'Requests answered.',
        lines: [...routes.values()].flatMap(({ labels, byStatus }) =>
          [...byStatus].map(([status, n]) => `http_server_requests_total{${labels},status="${status}"} ${n}`),
        ),
      },
      {
        name: 'http_server_request_duration_seconds',
        type: 'histogram',
        help: 'Time to the answer.',
        lines: [...routes.values()].flatMap((route) => histogram('http_server_request_duration_seconds', route)),
      },
    ];
    return c.body(families.map(textOf).join(''), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
  };
  return { count, expose };
}
