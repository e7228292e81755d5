/** Progress: a spinner on a TTY, GitLab's collapsible sections in CI, plain lines elsewhere; always on stderr. */
import type { Log } from './command.ts';

export interface LogOptions {
  readonly stream: NodeJS.WriteStream;
  readonly isTty: boolean;
  readonly isGitLab: boolean;
  readonly isQuiet: boolean;
  readonly isDebug: boolean;
}

/** https://docs.gitlab.com/ci/jobs/job_logs/#custom-collapsible-sections */
const section = (kind: 'start' | 'end', name: string, title = ''): string => {
  const seconds = Math.floor(Date.now() / 1000);
  const collapsed = kind === 'start' ? '[collapsed=true]' : '';
  return `\u001b[0Ksection_${kind}:${seconds}:${name}${collapsed}\r\u001b[0K${title}${title ? '\n' : ''}`;
};

export function createLog({ stream, isTty, isGitLab, isQuiet, isDebug }: LogOptions): Log {
  let sections = 0;
  let stopSpinner: (() => void) | undefined;
  const line = (text: string): void => {
    stopSpinner?.();
    if (!isQuiet) stream.write(`${text}\n`);
  };

  async function onTty<T>(title: string, work: (update: (text: string) => void) => Promise<T>): Promise<T> {
    const { default: yoctoSpinner } = await import('yocto-spinner');
    const spinner = yoctoSpinner({ text: title, stream, handleSignals: false } as Parameters<typeof yoctoSpinner>[0]).start();
    stopSpinner = () => spinner.clear();
    try {
      return await work((text) => {
        spinner.text = `${title} ${text}`;
      });
    } finally {
      stopSpinner = undefined;
      spinner.stop();
    }
  }

  return {
    info: line,
    warn: (text) => line(`warning: ${text}`),
    debug: (text) => {
      if (isDebug) line(`debug: ${text}`);
    },
    async step(title, work) {
      if (isQuiet) return work(() => {});
      if (isTty) return onTty(title, work);
      if (!isGitLab) {
        line(title);
        return work(() => {});
      }
      sections += 1;
      const name = `flightcheck_${sections}`;
      stream.write(section('start', name, title));
      try {
        return await work(line);
      } finally {
        stream.write(section('end', name));
      }
    },
  };
}
