/** GET /api: the API for people, drawn from the document that machines read. */
import type { Context } from 'hono';
import type { ApiDocument, Operation, Parameter, Schema } from '../api/document/api-document.ts';
import { Layout, show } from './layout.tsx';

const nameOf = ({ $ref, type, items }: Schema): string =>
  $ref?.split('/').at(-1) ?? (items ? `list of ${nameOf(items)}` : [type ?? 'any'].flat().join(' or '));

/** What a value may be, in a few words: a type and its bounds. */
function typeOf(schema: Schema): string {
  if (schema.enum) return schema.enum.map(String).join(', ');
  if (schema.items) return `${typeOf(schema.items)}; may stand several times`;
  const { minimum, maximum, format, default: usual = '' } = schema;
  const range =
    minimum === undefined && maximum === undefined
      ? ''
      : ` ${minimum === undefined ? 'up to' : `${minimum} to`} ${maximum ?? 'any'}`;
  return `${format ?? nameOf(schema)}${range}${usual === '' ? '' : `; ${String(usual)} unless given`}`;
}

/** What the document says between backticks is code. */
const withCode = (text = '') => text.split('`').map((part, i) => (i % 2 === 1 ? <code>{part}</code> : part));

const isRead = (method: string): boolean => method === 'get';

/** A line for the shell; what must be given stands in capitals, and the token is a variable, so that it never stands in a history. */
function curlOf(origin: string, path: string, method: string, { parameters = [], requestBody, security }: Operation): string {
  const query = parameters
    .filter((parameter) => parameter.in === 'query' && parameter.required)
    .map(({ name }) => `${name}=${name.toUpperCase()}`)
    .join('&');
  const address = `${origin}${path.replaceAll(/\{(\w+)\}/g, (_, name: string) => name.toUpperCase())}${query ? `?${query}` : ''}`;
  const type = Object.keys(requestBody?.content ?? {})[0];
  return [
    `curl --fail-with-body${isRead(method) ? '' : ` -X ${method.toUpperCase()}`} '${address}'`,
    ...(security ? ['-H "Authorization: Bearer $FLIGHTCHECK_TOWER_TOKEN"'] : []),
    ...(type ? [`-H 'Content-Type: ${type}'`, '--data-binary @body.json'] : []),
  ].join(' \\\n  ');
}

function Parameters({ parameters }: { readonly parameters: readonly Parameter[] }) {
  return (
    <table class="numbers parameters">
      <thead>
        <tr>
          {['Parameter', 'What', 'Value'].map((head) => (
            <th scope="col">{head}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {parameters.map((parameter) => (
          <tr>
            <th scope="row">
              <code>{parameter.name}</code>
              <small>
                {parameter.in}
                {parameter.required && ', required'}
              </small>
            </th>
            <td>{withCode(parameter.description)}</td>
            <td>{typeOf(parameter.schema)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function OperationPanel({ origin, path, method, operation }: OperationProps) {
  const { operationId, summary, description, parameters = [], requestBody, responses } = operation;
  return (
    <section class="panel operation" aria-labelledby={operationId}>
      <h2 id={operationId}>
        <span class={`badge ${isRead(method) ? 'is-pass' : 'is-manual'}`}>{method.toUpperCase()}</span> <code>{path}</code>
      </h2>
      <p>{withCode(summary)}</p>
      {description && <p class="quiet">{withCode(description)}</p>}
      {parameters.length > 0 && <Parameters parameters={parameters} />}
      {requestBody && (
        <p>
          Body:{' '}
          {Object.entries(requestBody.content).map(([type, { schema }]) => (
            <>
              <code>{nameOf(schema)}</code> as {type}.{' '}
            </>
          ))}
          {withCode(requestBody.description)}
        </p>
      )}
      <pre>{curlOf(origin, path, method, operation)}</pre>
      <details>
        <summary>Answers</summary>
        <ul class="answers">
          {Object.entries(responses).map(([status, { description: meaning, content = {} }]) => (
            <li>
              <b>{status}</b> {withCode(meaning)}{' '}
              <span class="quiet">
                {Object.entries(content)
                  .map(([type, { schema }]) => `${schema.$ref ? `${nameOf(schema)} as ` : ''}${type}`)
                  .join(', ')}
              </span>
            </li>
          ))}
        </ul>
      </details>
    </section>
  );
}

interface OperationProps {
  readonly origin: string;
  readonly path: string;
  readonly method: string;
  readonly operation: Operation;
}

function ApiPage({ document, origin }: { readonly document: ApiDocument; readonly origin: string }) {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  return (
    <Layout title="API · Control Tower" current="api">
      <header>
        <h1>API</h1>
        <p class="lead">
          Everything on these pages, and every write, goes through this API. Machines read{' '}
          <a href="/openapi.json">its OpenAPI 3.1 document</a>, which holds the schemas of the bodies. Errors are problem
          documents (RFC 9457) that point at the value; <code>Idempotency-Key</code> makes a repeated write safe.
        </p>
      </header>
      <nav class="section-nav" aria-label="Operations">
        {operations.map(({ method, path, operation }) => (
          <a href={`#${operation.operationId}`}>
            {method.toUpperCase()} {path}
          </a>
        ))}
      </nav>
      {operations.map((operation) => (
        <OperationPanel origin={origin} {...operation} />
      ))}
    </Layout>
  );
}

export const apiRoute =
  (document: ApiDocument) =>
  (c: Context): Response | Promise<Response> =>
    show(c, <ApiPage document={document} origin={c.get('origin')} />);
