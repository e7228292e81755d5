/** Which programs a machine has. */
import { execFile } from 'node:child_process';

export interface Tool {
  readonly name: string;
  readonly purpose: string;
  readonly isNeeded: boolean;
  /** First line of what it says of itself; null when it is missing. */
  readonly version: string | null;
}

/** Asks a program for its version, for at most 5 seconds. */
export const probeTool = (name: string, args: readonly string[], purpose: string, isNeeded: boolean): Promise<Tool> =>
  new Promise((resolve) => {
    execFile(name, [...args], { timeout: 5000 }, (error, stdout, stderr) => {
      const line = `${stdout}\n${stderr}`.split('\n').find((text) => text.trim() !== '');
      resolve({ name, purpose, isNeeded, version: error ? null : (line?.trim() ?? 'found') });
    });
  });
