import { expect, test } from 'vitest';
import { withoutSecrets } from '../../src/facts/secrets.ts';

test('lines lose secrets and keep their place; a private key goes whole', () => {
  const token = `glpat-${'Zk3qT8vXw2LmN7pR4sYd'}`;
  const body = 'MIIEpAIBAAKCAQEA7v0h8kq2Lw9ZrT5yXbC1nD4fG6jH3kM8pQ0sV2uW5xY7zA9b';
  const lines = [
    'Epoch 1, loss 0.3',
    `cloning with ${token}`,
    '-----BEGIN RSA PRIVATE KEY-----',
    body,
    '-----END RSA PRIVATE KEY-----',
    'no column "age"',
  ];
  expect(withoutSecrets(lines)).toEqual([
    'Epoch 1, loss 0.3',
    '[a GitLab token stood here]',
    '[a private key stood here]',
    '[a private key stood here]',
    '[a private key stood here]',
    'no column "age"',
  ]);
  expect(withoutSecrets(lines.slice(0, 1))).toEqual(['Epoch 1, loss 0.3']);
});
