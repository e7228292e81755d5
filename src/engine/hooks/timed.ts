import type { HookMachine } from '../../kernel/hook-machine.ts';

/** Tells when a command starts, and how long each ran, also one that was stopped or failed. */
export function timed(machine: HookMachine, onStart: () => void, onEnd: (seconds: number) => void): HookMachine {
  return {
    ...machine,
    async run(request) {
      const running = machine.run(request);
      onStart();
      const result = await running;
      onEnd(result.seconds);
      return result;
    },
    async hold(request) {
      const held = await machine.hold(request);
      return {
        ...held,
        async begin(limits, onDone) {
          const running = held.begin(limits, onDone);
          onStart();
          const result = await running;
          onEnd(result.seconds);
          return result;
        },
      };
    },
    async serve(request) {
      const serving = machine.serve(request);
      onStart();
      const served = await serving;
      onEnd(served.result.seconds);
      return served;
    },
  };
}
