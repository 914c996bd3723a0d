import { beforeAll, expect, test } from 'vitest';
import { says, speak } from '../src/i18n';
import { wayName } from '../src/screens/recover/words';
import { isBlocked, others, readPicked, wayOf, waysOf, type Way } from '../src/screens/request/ways';

beforeAll(() => speak('en').then(says('inside', 'proofs')));

const way = (...needs: string[]): Way => ({ needs, lacks: [] });
const mail = way('passkey', 'mail-code');
const pin = way('passkey', 'pin');

test.each<[string, Parameters<typeof waysOf>[0], Way[]]>([
  ['every way that this page can ask for', { needs: mail.needs, ways: [mail, way('smoke-signal'), pin] }, [mail, pin]],
  ['a security key', { needs: ['hardware-key'], ways: [way('hardware-key')] }, [way('hardware-key')]],
  ['what is needed, from a server that says no more', { needs: ['passkey'] }, [way('passkey')]],
  ['what is needed, where there is no way here', { needs: ['smoke-signal'], ways: [way('smoke-signal'), way()] }, [way('smoke-signal')]],
])('offers %s', (_, request, ways) => {
  expect(waysOf(request)).toEqual(ways);
});

test.each<[string, Way[], string[], Way]>([
  ['the preferred one', [mail, pin], [], mail],
  ['the one that was picked', [mail, pin], pin.needs, pin],
  ['what is left of it after the passkey', [way('mail-code'), way('pin')], pin.needs, way('pin')],
  ['the preferred one where what was picked is there no more', [mail], pin.needs, mail],
])('goes %s', (_, ways, picked, one) => {
  const found = wayOf(ways, picked);
  expect(found).toEqual(one);
  expect(others(ways, found)).toEqual(ways.filter((w) => w !== found));
});

test('what has to be set up first is another way, but for what the directory lacks', () => {
  const lacking = { needs: ['totp'], lacks: ['totp'] };
  expect(others([mail, lacking, { needs: ['pin', 'directory'], lacks: ['directory'] }], mail)).toEqual([lacking]);
});

test('what was picked is read as far as it is whole', () => {
  expect(readPicked({ picked: ['pin', 7, 'passkey'] })).toEqual(['pin', 'passkey']);
  for (const odd of [null, undefined, 7, {}, { picked: 'pin' }]) expect(readPicked(odd)).toEqual([]);
});

test('a code that can’t be sent leads to the other ways, and a wrong one does not', () => {
  expect(['code.not-sent', 'code.too-many', 'proof.locked', 'proof.no-address', 'proof.not-held'].every(isBlocked)).toBe(true);
  expect(['proof.wrong', 'network.offline', 'passkey.cancelled', undefined].some(isBlocked)).toBe(false);
});

test('a way with a passkey is said in words, what is typed first', async () => {
  expect(wayName(['passkey', 'pin'])).toBe('My Latchkey PIN and my passkey');
  expect(wayName(['passkey'])).toBe('My passkey');
  expect(wayName(['hardware-key', 'totp', 'mail-code'])).toBe('My authenticator app, a code by mail and my security key');
  await speak('de');
  expect(wayName(['passkey', 'pin'])).toBe('Meine Latchkey-PIN und meinen Anmeldeschlüssel');
  await speak('en');
});
