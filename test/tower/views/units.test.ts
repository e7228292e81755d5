import { expect, it } from 'vitest';
import { sayQuantity } from '../../../src/tower/views/units.ts';

it.each([
  [0.0397, 's', '39.7 ms'],
  [42, 's', '42 s'],
  [389_755, 's', '108 h'],
  [9_747_000_000, 'By', '9.75 GB'],
  [512, 'By', '512 B'],
  [0, 'By', '0 By'],
  [400, 'd', '400 d'],
  [1234.4, '{request}', '1,230'],
  [0.2037, '1', '0.204'],
  [-7200, 's', '-2 h'],
  [5, 'constructor', '5 constructor'],
])('%d of %s reads %s', (value, unit, words) => expect(sayQuantity(value, unit)).toBe(words));
