/** The output of a command: counted, the first lines shown as they come, the last ones kept; never more in memory than that. */
import { stripVTControlCharacters } from 'node:util';

const tailLines = 40;
const tailBytes = 64 * 1024;
/** A line is cut here. */
const lineCharacters = 4 * 1024;
const liveLines = 2000;

/** Text without escape sequences and control characters: a hook cannot move the cursor or forge a section of the log. */
function plainText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removing them is the point
  return stripVTControlCharacters(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/g, '');
}

export interface OutputOptions {
  readonly limitBytes: number;
  readonly secrets: readonly string[];
  onLine?(line: string): void;
  onExceeded(): void;
}

type StreamName = 'stdout' | 'stderr';

export interface Output {
  /** Feeds what one of the streams said. */
  write(stream: StreamName, chunk: Buffer): void;
  /** The last lines, once everything was written. */
  end(): readonly string[];
}

/** Collects output; calls `onExceeded` once when more than `limitBytes` came and ignores the rest. */
export function collectOutput(options: OutputOptions): Output {
  const longestSecret = Math.max(0, ...options.secrets.map((secret) => secret.length));
  const mask = (text: string): string => options.secrets.reduce((line, secret) => line.replaceAll(secret, '[masked]'), text);
  // A progress bar rewrites its line: the last state is what counts.
  const clean = (line: string): string =>
    mask(plainText(line.split('\r').findLast((part) => part !== '') ?? '')).slice(0, lineCharacters);
  const live = liveLog(clean, longestSecret, options.onLine);
  const kept: Buffer[] = [];
  let keptBytes = 0;
  let bytes = 0;
  let isExceeded = false;
  return {
    write(stream, chunk) {
      if (isExceeded) return;
      bytes += chunk.length;
      kept.push(chunk);
      keptBytes += chunk.length;
      while (keptBytes - (kept[0]?.length ?? 0) >= tailBytes) keptBytes -= kept.shift()?.length ?? 0;
      live.write(stream, chunk);
      if (bytes > options.limitBytes) {
        isExceeded = true;
        options.onExceeded();
      }
    },
    end() {
      live.end();
      let text = Buffer.concat(kept).toString('utf8');
      // The beginning of what was kept may be the end of a secret.
      if (bytes > keptBytes) text = text.slice(text.indexOf('\n', longestSecret) + 1 || longestSecret);
      const lines = text.replace(/\n$/, '').split('\n').slice(-tailLines).map(clean);
      return lines.length === 1 && lines[0] === '' ? [] : lines;
    },
  };
}

/** Lines as they are completed, up to a number: a log that nobody could read is not shown. */
function liveLog(clean: (line: string) => string, longestSecret: number, onLine: ((line: string) => void) | undefined) {
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  const open = { stdout: '', stderr: '' };
  let shown = 0;
  const emit = (line: string): void => {
    shown += 1;
    if (shown <= liveLines) onLine?.(clean(line));
    else if (shown === liveLines + 1) onLine?.(`[more than ${liveLines} lines: the rest is not shown]`);
  };
  return {
    write(stream: StreamName, chunk: Buffer): void {
      if (!onLine || shown > liveLines) return;
      const lines = (open[stream] + decoders[stream].decode(chunk, { stream: true })).split('\n');
      open[stream] = lines.pop() ?? '';
      for (const line of lines) emit(line);
      // What stays open is longer than any secret, so that none is cut in two and shown.
      if (open[stream].length > 4 * lineCharacters + longestSecret) {
        emit(open[stream].slice(0, -longestSecret || undefined));
        open[stream] = longestSecret > 0 ? open[stream].slice(-longestSecret) : '';
      }
    },
    end(): void {
      for (const stream of ['stdout', 'stderr'] as const) if (open[stream] !== '') emit(open[stream]);
    },
  };
}
