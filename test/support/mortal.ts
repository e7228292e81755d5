/**
 * A process that is killed at one of its steps. A step is whatever leaves the process: a file written, renamed or removed, a
 * git command, a request to Airflow. After its last step nothing of it happens any more.
 */
interface Doomed {
  readonly steps: string[];
  readonly lastStep: number;
  /** The last step is left half done, where it can be. */
  readonly isTorn: boolean;
  die(): void;
}

let doomed: Doomed | undefined;

const never = new Promise<never>(() => {});

/** Does a step of whoever is doomed; of everybody else it is only the work. */
export async function step<T>(name: string, work: () => Promise<T>, half?: () => Promise<unknown>): Promise<T> {
  const mine = doomed;
  if (!mine) return work();
  const isLast = mine.steps.push(name) === mine.lastStep;
  const done = await (isLast && mine.isTorn && half ? half : work)().then(
    (value) => () => value as T,
    (error: unknown) => () => {
      throw error;
    },
  );
  if (!isLast) return done();
  mine.die();
  return never;
}

/** Steps of a port: calls of its functions with these names, or of all. */
export const mortal = <T extends object>(port: T, what: string, names?: readonly string[]): T =>
  new Proxy(port, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== 'function' || typeof key !== 'string' || (names && !names.includes(key))) return value;
      return (...args: unknown[]) => step(`${what} ${key}`, () => value.apply(target, args) as Promise<unknown>);
    },
  });

/** Lets a process do that many steps and kills it. Null: it came to its end before. */
export async function killAfter(
  lastStep: number,
  process: () => Promise<unknown>,
  { isTorn = false } = {},
): Promise<string | null> {
  const steps: string[] = [];
  try {
    return await new Promise<string | null>((resolve, reject) => {
      doomed = { steps, lastStep, isTorn, die: () => resolve(steps.at(-1) ?? '') };
      process().then(() => resolve(null), reject);
    });
  } finally {
    doomed = undefined;
  }
}
