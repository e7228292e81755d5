/**
 * The processes of a hook, found in /proc: those that carry our tag in their environment, are in its session, work in
 * its folder, print to its pipes, or descend from one of them, whatever group or session they moved to. Who wipes all of
 * these at once, faster than we look, gets away. Empty where there is no /proc: then only the group is killed.
 */
import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';

export interface ProcessMark {
  /** `NAME=value` in the environment of everything that the hook starts. */
  readonly tag?: string;
  /** Session of the hook: the process id of its first process. */
  readonly session?: number;
  /** Scratch folder of this command alone: whoever works in it belongs to it. */
  readonly folder?: string | undefined;
}

interface ProcessStat {
  readonly id: number;
  readonly parent: number;
  readonly session: number;
  /** Clock tick at which it started: with the id, unique. */
  readonly started: number;
  readonly isZombie: boolean;
}

export interface Usage {
  readonly residentBytes: number;
  /** Largest that any single process has been. */
  readonly peakBytes: number;
}

export interface ProcessTree {
  /** Ids of the living processes that belong to the hook. */
  find(): readonly number[];
  /** Null when nothing can be seen. */
  usage(): Usage | null;
  /** From now on, whoever prints to the same pipes as this process belongs to the hook. */
  follow(id: number): void;
  /** Sends a signal to every process found; returns how many there were. */
  signal(signal: NodeJS.Signals): number;
}

/** Read several hundred times a second: one buffer for all. */
let buffer = Buffer.alloc(16 * 1024);

/** Text of a file of /proc, which has no size beforehand; null when it cannot be read. */
function read(path: string): string | null {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    let length = 0;
    for (;;) {
      if (length === buffer.length) buffer = Buffer.concat([buffer, Buffer.alloc(buffer.length)]);
      const count = readSync(file, buffer, length, buffer.length - length, null);
      if (count === 0) return buffer.toString('latin1', 0, length);
      length += count;
    }
  } catch {
    return null;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function statOf(id: number): ProcessStat | null {
  const text = read(`/proc/${id}/stat`);
  if (text === null) return null;
  // The name stands in parentheses and may hold any character, so fields are counted from the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, parent, , session] = fields;
  return {
    id,
    parent: Number(parent),
    session: Number(session),
    started: Number(fields[19]),
    isZombie: state === 'Z' || state === 'X',
  };
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** Where a process prints to: pipes and sockets have a number that no other has. */
const channelsOf = (id: number): string[] =>
  [1, 2].map((fd) => linkOf(`/proc/${id}/fd/${fd}`)).filter((link) => /^(pipe|socket):/.test(link));

const kibibytes = (status: string, field: string): number =>
  1024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);

/** A view of the hook's processes; what it has recognised once it knows again, even after an exec with an empty environment. */
export function processTree(mark: ProcessMark): ProcessTree {
  const ours = new Map<number, number>();
  const others = new Map<number, number>();
  const channels = new Set<string>();
  /** Whoever was there before the hook's first process is none of its processes, and need not be looked at. */
  const elders = new Set<number>();
  const since = mark.session === undefined ? 0 : (statOf(mark.session)?.started ?? 0);
  let sent: NodeJS.Signals | null = null;

  const isMarked = ({ id, session, started }: ProcessStat): boolean => {
    if (session === mark.session) return true;
    const environ = read(`/proc/${id}/environ`) ?? '';
    if (mark.tag !== undefined && environ.split('\0').includes(mark.tag)) return true;
    if (mark.folder !== undefined) {
      const folder = linkOf(`/proc/${id}/cwd`);
      if (folder === mark.folder || folder.startsWith(`${mark.folder}/`)) return true;
    }
    if (channels.size > 0 && channelsOf(id).some((channel) => channels.has(channel))) return true;
    // During an exec the environment reads as empty: such a process is looked at again.
    if (environ !== '') others.set(id, started);
    return false;
  };
  /** All but the elders; an id is not given again as fast as we look. */
  const look = (): ProcessStat[] => {
    let names: string[];
    try {
      names = readdirSync('/proc');
    } catch {
      return [];
    }
    const ids = new Set(names.map(Number).filter((id) => Number.isInteger(id) && id !== process.pid));
    for (const known of [ours, others, elders]) for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
    const living: ProcessStat[] = [];
    for (const id of ids) {
      const stat = elders.has(id) ? null : statOf(id);
      if (stat && stat.started < since) elders.add(id);
      else if (stat) living.push(stat);
    }
    return living;
  };
  const find = (): number[] => {
    const living = look();
    const isOurs = (stat: ProcessStat): boolean => ours.get(stat.id) === stat.started;
    for (const stat of living)
      if (!isOurs(stat) && others.get(stat.id) !== stat.started && isMarked(stat)) ours.set(stat.id, stat.started);
    const byId = new Map(living.map((stat) => [stat.id, stat]));
    // Children of ours are ours, to any depth; ids need not be in the order of birth.
    for (let before = -1; before !== ours.size; ) {
      before = ours.size;
      for (const stat of living) {
        const parent = byId.get(stat.parent);
        if (parent && isOurs(parent)) ours.set(stat.id, stat.started);
      }
    }
    return living.filter((stat) => isOurs(stat) && !stat.isZombie).map((stat) => stat.id);
  };
  return {
    find,
    usage() {
      let residentBytes = 0;
      let peakBytes = 0;
      const ids = find();
      for (const id of ids) {
        const status = read(`/proc/${id}/status`) ?? '';
        residentBytes += kibibytes(status, 'VmRSS');
        peakBytes = Math.max(peakBytes, kibibytes(status, 'VmHWM'));
      }
      return ids.length > 0 ? { residentBytes, peakBytes } : null;
    },
    follow(id) {
      for (const channel of channelsOf(id)) channels.add(channel);
      sent = null;
    },
    signal(signal) {
      // The first time everybody is looked at again, by all marks.
      if (signal !== sent) others.clear();
      sent = signal;
      const ids = find();
      for (const id of ids) send(id, signal);
      return ids.length;
    },
  };
}

/** Memory of the processes with what they share counted once; a forked worker would count its parent's pages again. */
export function proportionalBytes(ids: readonly number[]): number {
  let bytes = 0;
  for (const id of ids) {
    const rollup = read(`/proc/${id}/smaps_rollup`);
    bytes += rollup === null ? kibibytes(read(`/proc/${id}/status`) ?? '', 'VmRSS') : kibibytes(rollup, 'Pss');
  }
  return bytes;
}

/** A signal to a process or, negative, a group; it may be gone already. */
export function send(id: number, signal: NodeJS.Signals): void {
  try {
    process.kill(id, signal);
  } catch {
    // Gone.
  }
}
