/** The few of Airflow's template variables that have a meaning without Airflow. */
import { UsageError } from '../../kernel/failure.ts';
import type { DagSpec, TaskSpec } from './spec.ts';

/** Fills `{{ ds }}` and the like in a task that asked for templates. Throws RUN_LOCAL_TEMPLATE for what only Airflow knows. */
export function fillTemplates(task: TaskSpec, spec: DagSpec, at: Date): TaskSpec {
  if (!task.template) return task;
  const ts = at.toISOString();
  const known = new Map<string, string>([
    ['ds', ts.slice(0, 10)],
    ['ds_nodash', ts.slice(0, 10).replaceAll('-', '')],
    ['ts', ts],
    ['run_id', `local__${ts}`],
    ['dag.dag_id', spec.id],
    ['task.task_id', task.id],
    ...Object.entries(spec.params).map(([name, value]) => [`params.${name}`, String(value)] as const),
  ]);
  const fill = (text: string): string => {
    const filled = text.replaceAll(
      /\{\{ {0,9}([A-Za-z_][\w.]{0,100}) {0,9}\}\}/g,
      (whole, name: string) => known.get(name) ?? whole,
    );
    if (/\{[{%#]/.test(filled))
      throw new UsageError('RUN_LOCAL_TEMPLATE', `The task ${task.id} has a template that only Airflow can fill: ${filled}`, {
        hint: `Without Airflow there are ${[...known.keys()].map((name) => `{{ ${name} }}`).join(', ')}.`,
      });
    return filled;
  };
  return {
    ...task,
    command: task.command.map(fill),
    args: task.args.map(fill),
    env: Object.fromEntries(Object.entries(task.env).map(([name, value]) => [name, fill(value)])),
  };
}
