/** `flightcheck tower post`: numbers of a model to Control Tower, from arguments, a file or standard input. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { postMetrics } from '../../adapters/tower.ts';
import { EnvironmentError, exitCode, UsageError } from '../../kernel/failure.ts';
import { towerOptions } from '../../kernel/options/tower.ts';
import type { Context, Invocation } from '../command.ts';
import { tokenVariable } from '../post-report.ts';
import { alertOf } from '../surroundings.ts';
import { type GivenMetric, metricOfArgument, metricsOfText } from './metric-input.ts';

/** Metrics that go in one request. */
const atOnce = 5000;

function textOf(path: string, { cwd }: Context): string {
  try {
    return readFileSync(path === '-' ? 0 : resolve(cwd, path), 'utf8');
  } catch (error) {
    throw new UsageError(
      'TOWER_POST',
      `${path === '-' ? 'Standard input' : `The file ${path}`} cannot be read: ${String(error)}`,
      {
        hint: 'Name a CSV or JSON file with --file, or - for standard input.',
      },
    );
  }
}

function given(context: Context, { args, options }: Invocation): readonly GivenMetric[] {
  const file = typeof options.file === 'string' && options.file !== '' ? options.file : undefined;
  const read = file === undefined ? [] : metricsOfText(textOf(file, context), file === '-' ? 'standard input' : file);
  const metrics = [...args.map(metricOfArgument), ...read];
  if (metrics.length === 0)
    throw new UsageError('TOWER_POST', 'There are no metrics to post', {
      hint: 'Give NAME=VALUE, or --file with a CSV or JSON file.',
    });
  return metrics;
}

function addressOf({ env }: Context, { options }: Invocation): { readonly url: string; readonly token: string } {
  const url = String(options['tower-url'] ?? '');
  if (!new RegExp(towerOptions['tower-url'].regex).test(url) || url === '')
    throw new UsageError('TOWER_POST', url === '' ? 'No Control Tower is named' : `${url} is no address of a Control Tower`, {
      hint: 'Give --tower-url https://..., or set FLIGHTCHECK_TOWER_URL.',
    });
  const token = env[tokenVariable] ?? '';
  if (token === '')
    throw new UsageError('TOWER_POST', `The variable ${tokenVariable} is empty`, {
      hint: 'Set it to a token of Control Tower with the role write (flightcheck tower token create), or in a job to an id_token. A token is never an argument: others could see it.',
    });
  return { url, token };
}

export async function postGivenMetrics(context: Context, invocation: Invocation): Promise<number> {
  const { options } = invocation;
  const text = (name: string): string | undefined =>
    typeof options[name] === 'string' && options[name] !== '' ? options[name] : undefined;
  const model = text('model');
  if (model === undefined) throw new UsageError('TOWER_POST', 'No model is named', { hint: 'Give --model NAME.' });
  const metrics = given(context, invocation);
  const { url, token } = addressOf(context, invocation);
  const timeoutSeconds = Number(options['tower-timeout'] ?? towerOptions['tower-timeout'].default);
  // One moment for all that have none of their own, so that sending again adds nothing.
  const at = text('at') ?? new Date().toISOString();
  const alert = alertOf(context.env) ?? undefined;
  const head = { model, project: text('project'), environment: text('environment'), alert, at };
  let [added, sent, isPreview] = [0, 0, false];
  for (; sent < metrics.length; sent += atOnce) {
    const part = metrics.slice(sent, sent + atOnce);
    const delivery = await postMetrics(JSON.stringify({ ...head, metrics: part }), {
      ...{ url, token, timeoutSeconds, signal: context.signal },
    });
    if (context.signal.aborted) return exitCode.interrupted;
    if (delivery.state !== 'delivered') {
      const done = sent > 0 ? ` ${sent} of ${metrics.length} metrics were taken before.` : ' Nothing was stored.';
      const message = `Control Tower did not take the metrics: ${delivery.reason}.${done}`;
      if (delivery.state === 'refused')
        throw new UsageError('TOWER_POST', message, { hint: 'Mend what it names, and post again.' });
      throw new EnvironmentError('TOWER_POST', message, {
        hint: `Post again with --at ${at}: what was taken is known and not counted twice.`,
      });
    }
    added += delivery.added;
    isPreview ||= delivery.isPreview;
  }
  const received = metrics.length;
  const preview = isPreview ? ' as a preview: this job does not write the record' : '';
  context.print(
    context.isJson
      ? `${JSON.stringify({ model, at, received, added, known: received - added, record: isPreview ? 'preview' : 'authoritative' })}\n`
      : `${received} ${received === 1 ? 'metric' : 'metrics'} of ${model}: ${added} new, ${received - added} known${preview}\n`,
  );
  return 0;
}
