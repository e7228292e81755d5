import { testRule } from '../../helpers/rule.ts';

const docker = (text: string, more: Readonly<Record<string, string>> = {}) => ({ Dockerfile: text, ...more });
const digest = `sha256:${'a'.repeat(64)}`;

testRule('container-base-pinned', {
  accept: [
    docker('FROM python:3.11-slim\n'),
    docker(`FROM python@${digest}\n`),
    docker(`ARG BASE=python:3.11\nFROM --platform=linux/amd64 \${BASE} AS build\nFROM scratch\nFROM build\n`),
    docker('ARG TAG\nFROM registry.example.com:5000/base:$TAG\n'),
    docker(`FROM registry.example.com:5000/base:1.2@${digest}\n`),
    { '.devcontainer/Dockerfile': 'FROM python\n', ...docker('FROM r-base:4.3.2\n') },
  ],
  reject: [
    [docker('# syntax=docker/dockerfile:1\nFROM python\n'), { path: 'Dockerfile', line: 2, says: 'no version' }],
    [docker('FROM python:latest AS a\nFROM python:slim\n'), { path: 'Dockerfile', line: 1 }, { path: 'Dockerfile', line: 2 }],
    [docker('FROM registry.example.com:5000/base\n'), { path: 'Dockerfile', line: 1, says: 'no version' }],
  ],
  leave: [[{ 'a.py': '' }, 'not-applicable', 'no Dockerfile']],
});

testRule('container-non-root', {
  accept: [
    docker('FROM python:3.11\nUSER 10001\n'),
    docker('FROM python:3.11 AS base\nUSER app\nFROM base\nRUN x\n'),
    docker('FROM gcr.io/distroless/python3:nonroot\n'),
  ],
  reject: [
    [docker('FROM python:3.11\nRUN x\n'), { path: 'Dockerfile', line: 1, says: 'no USER' }],
    [docker('FROM python:3.11\nUSER app\nUSER root\n'), { path: 'Dockerfile', line: 3, says: 'USER root' }],
    [docker('FROM python:3.11 AS build\nUSER app\nFROM python:3.11\n'), { path: 'Dockerfile', line: 3 }],
    [docker('RUN x\n'), { path: 'Dockerfile', line: 1, says: 'no FROM' }],
  ],
  leave: [[{}, 'not-applicable', 'no Dockerfile']],
});

testRule('container-clean-build', {
  accept: [
    docker('FROM a:1\nCOPY --from=0 . /x\nENV A=1 \\\n  # why\n  B=2\n'),
    docker('FROM a:1\nCOPY . .\nARG API_KEY\nENV TOKEN_FILE=/run/x\nRUN pip install -r r.txt\n', { '.dockerignore': '.git\n' }),
    docker(`FROM a:1\nADD --checksum=sha256:${'a'.repeat(64)} https://example.com/x.tgz /x\nCOPY src ./src\n`),
  ],
  reject: [
    [docker('FROM a:1\nCOPY --chown=app . /app\n'), { path: 'Dockerfile', line: 2, says: '.dockerignore' }],
    [docker('FROM a:1\nENV DB_PASSWORD=q7Rk2mZp9XvT4bLw8NcY\n'), { path: 'Dockerfile', line: 2, says: 'DB_PASSWORD' }],
    [docker('FROM a:1\nADD https://example.com/x.tgz /x\n'), { path: 'Dockerfile', line: 2, says: 'checksum' }],
    [docker('FROM a:1\nRUN curl -sSL https://example.com/i.sh | bash -s\n'), { path: 'Dockerfile', line: 2, says: 'shell' }],
  ],
  leave: [[{}, 'not-applicable', 'no Dockerfile']],
});

const head =
  'version: 1\nmodel:\n  name: risk\n  owner: "@team"\nhooks:\n  train: t {data} {model}\n  predict: p {model} {in} {out}\n';
const dag = (text: string) => ({ 'flightcheck.yml': `${head}${text}` });
const defaults = 'defaults: {timeout: 1h, retries: 1, resources: {cpu: 1}}\n';

testRule('dag-valid', {
  accept: [dag(`${defaults}tasks:\n  a: {command: [x]}\n  b: {dependsOn: [a]}\n  c: {dependsOn: [a, b]}\n`)],
  reject: [
    [
      dag(`${defaults}tasks:\n  a: {dependsOn: [c]}\n  b: {dependsOn: [a]}\n  c: {dependsOn: [b]}\n`),
      { path: 'flightcheck.yml', line: 10, says: 'a -> c -> b -> a' },
    ],
    [dag(`${defaults}tasks:\n  a: {dependsOn: a}\n`), { path: 'flightcheck.yml', line: 10, says: 'a -> a' }],
    [
      dag(`${defaults}tasks:\n  train: {}\n  b: {dependsOn: [trian]}\n`),
      { path: 'flightcheck.yml', line: 11, says: 'did you mean train?' },
    ],
    [dag('tasks:\n  a: {timeout: 1h}\n'), { path: 'flightcheck.yml', line: 9, says: 'no retries, resources' }],
  ],
  leave: [
    [dag(''), 'not-applicable', 'no tasks'],
    [{}, 'not-applicable', 'no flightcheck.yml'],
    [{ 'flightcheck.yml': 'version: 9\n' }, 'skipped', 'not valid'],
  ],
});
