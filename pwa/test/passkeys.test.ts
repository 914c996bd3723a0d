import { render } from 'preact-render-to-string';
import { h } from 'preact';
import { beforeAll, expect, test } from 'vitest';
import type { Info } from '../src/api-types';
import { says, speak } from '../src/i18n';
import { info } from '../src/lib/session';
import { Last } from '../src/screens/passkeys';

beforeAll(() => speak('en').then(says('inside', 'more')));

const nobody = info.get();
const shown = (part: Partial<Info>) => (info.set({ ...nobody, ...part }), render(h(Last, {})));

test.each<[string, Partial<Info>]>([
  ['no way without one', { recovery: [] }],
  ['one that leads nowhere', { recovery: [['recovery-code']], recoveryKinds: [[]] }],
  ['one that this page can’t ask for', { recovery: [['smoke-signal']] as unknown as Info['recovery'], recoveryKinds: [['unlock']] }],
])('without the last passkey nobody is let in where there is %s', (_, part) => {
  expect(shown(part)).toMatch(/can’t let you back in.*new link from IT/);
});

test('where there are ways without a passkey, the end of the last one says that they stay', async () => {
  const part: Partial<Info> = { recovery: [['recovery-code']], recoveryKinds: [['reset']] };
  const html = shown(part);
  expect(html).toContain('another way that your organisation takes');
  expect(html).toContain('If you have none, you’d need a new link from IT first.');
  expect(html).toContain('What you set up under “Ways to prove it’s me” stays');
  expect(html).not.toContain('can’t let you back in');
  await speak('de');
  expect(shown(part)).toMatch(/anderer Weg.*Haben Sie keinen, bräuchten Sie erst einen neuen Link.*„Meine Nachweise“ eingerichtet haben, bleibt/);
  await speak('en');
});
