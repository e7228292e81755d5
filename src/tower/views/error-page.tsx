/** The answer to a person when something is not right. */
import { type HttpProblem, problemBody } from '../api/problem.ts';
import { documentOf, Layout, LogIn } from './layout.tsx';

export function errorPage(problem: HttpProblem): string {
  const { status, title, detail, errors = [] } = problemBody(problem);
  return documentOf(
    <Layout title={`${title} · Control Tower`}>
      <section class="panel empty">
        <p class="big-code" aria-hidden="true">
          {status}
        </p>
        <h1>{title}</h1>
        <p class="lead">{detail}</p>
        {errors.length > 0 && (
          <ul class="small">
            {errors.map((error) => (
              <li>
                <code>{'parameter' in error ? error.parameter : error.pointer}</code> {error.detail}
              </li>
            ))}
          </ul>
        )}
        <p>
          <a href="/">Back to the fleet</a>
          {(problem.kind === 'forbidden' || problem.kind === 'unauthorized') && <LogIn before=" or " />}
        </p>
      </section>
    </Layout>,
  );
}
