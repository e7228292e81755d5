import type { CommandResult, HookMachine } from '../../kernel/hook-machine.ts';

/** Tells when a command starts, and how long each ran, also one that was stopped or failed. */
export function timed(machine: HookMachine, onStart: () => void, onEnd: (seconds: number) => void): HookMachine {
  const measured = async <T>(running: Promise<T>, resultOf: (ended: T) => CommandResult): Promise<T> => {
    onStart();
    const ended = await running;
    onEnd(resultOf(ended).seconds);
    return ended;
  };
  return {
    ...machine,
    run: (request) => measured(machine.run(request), (result) => result),
    async hold(request) {
      const held = await machine.hold(request);
      return { ...held, begin: (limits, onDone) => measured(held.begin(limits, onDone), (result) => result) };
    },
    serve: (request) => measured(machine.serve(request), ({ result }) => result),
  };
}
