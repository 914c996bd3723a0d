import { render } from 'preact-render-to-string';
import { h } from 'preact';
import { beforeAll, expect, test } from 'vitest';
import type { Review } from '../src/api-types';
import { says, speak } from '../src/i18n';
import { put } from '../src/lib/resource';
import { InboxScreen } from '../src/screens/inbox';

beforeAll(() => speak('en').then(says('inside', 'more', 'errors')));

function shown(...proofs: string[]): string {
  const review = { id: 'r', kind: 'reset', state: 'pending', open: true, account: 'a', displayName: 'Dana Reyes', photo: false, asked: '2026-11-24T10:00:00Z', deadline: '2026-11-24T11:00:00Z', signs: [], mine: null, proofs } as unknown as Review;
  put('/api/inbox', { waiting: [review], decided: [], readAt: '2026-11-24T10:00:00Z' });
  put('/api/thaws', { thaws: [] });
  return render(h(InboxScreen, {}));
}

test.each<[string, string[], string, string]>([
  ['nothing', ['vouching'], 'Nobody proved who it is: your word is needed', 'Ohne Nachweis: Ihr Wort ist gefragt'],
  ['what the directory knows', ['vouching', 'directory'], 'Nobody proved who it is: your word is needed', 'Ohne Nachweis: Ihr Wort ist gefragt'],
  ['a PIN', ['vouching', 'pin'], 'Not enough without your word: PIN', 'Reicht nicht ohne Ihr Wort: PIN'],
  ['two things', ['pin', 'vouching', 'mail-code'], 'Not enough without your word: PIN, Code by mail', 'Reicht nicht ohne Ihr Wort: PIN, Code per Mail'],
])('where a word is asked for, the inbox says what was proved beside it: %s', async (_, proofs, en, de) => {
  const html = shown(...proofs);
  expect(html).toContain(`>${en}<`);
  expect(html.includes('Nobody proved')).toBe(en.startsWith('Nobody'));
  await speak('de');
  expect(shown(...proofs)).toContain(`>${de}<`);
  await speak('en');
});

test('where no word is asked for, the inbox speaks of none', () => {
  expect(shown('passkey')).toContain('Dana Reyes');
  expect(shown('passkey')).not.toContain('your word');
});
