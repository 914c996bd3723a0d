import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Finding } from '../src/api-types';
import { judge, type LocalRules } from '../src/lib/rules';

interface Row {
  name: string;
  rules: LocalRules;
  password: string;
  findings: Finding[];
}

const table = JSON.parse(readFileSync(new URL('../../password/testdata/rules.json', import.meta.url), 'utf8')) as Row[];

describe('the device judges as the server does', () => {
  test('the table has cases', () => expect(table.length).toBeGreaterThan(50));
  test.each(table)('$name', ({ rules, password, findings }) => {
    expect(judge(password, rules)).toEqual(findings);
  });
});
