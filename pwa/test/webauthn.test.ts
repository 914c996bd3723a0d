import { expect, test, vi } from 'vitest';
import { assertionJson, attestationJson, create, creationOptions, requestOptions, toBase64url, toBytes } from '../src/lib/webauthn';

const bytes = (...b: number[]) => new Uint8Array(b).buffer;

test('base64url goes there and back for every byte and length', () => {
  const every = Uint8Array.from({ length: 256 }, (_, i) => i);
  for (let n = 0; n <= 256; n++) expect([...toBytes(toBase64url(every.slice(0, n)))]).toEqual([...every.slice(0, n)]);
  expect(toBase64url(bytes(0xfb, 0xff, 0xfe))).toBe('-__-');
});

test('request options keep what they do not know', () => {
  const o = requestOptions({ challenge: 'AQID', rpId: 'x', userVerification: 'required', hints: ['hybrid'], allowCredentials: [{ type: 'public-key', id: 'BAU', transports: ['internal'] }] });
  expect([...(o.challenge as Uint8Array)]).toEqual([1, 2, 3]);
  expect(o).toMatchObject({ rpId: 'x', userVerification: 'required', hints: ['hybrid'] });
  expect([...(o.allowCredentials?.[0]?.id as Uint8Array)]).toEqual([4, 5]);
});

test('creation options decode the user handle and the excluded', () => {
  const o = creationOptions({ challenge: 'AQID', rp: { id: 'x', name: 'X' }, user: { id: 'BAU', name: 'n', displayName: 'd' }, pubKeyCredParams: [], excludeCredentials: [{ type: 'public-key', id: 'Bg' }] });
  expect([...(o.user.id as Uint8Array)]).toEqual([4, 5]);
  expect(o.user.name).toBe('n');
  expect([...(o.excludeCredentials?.[0]?.id as Uint8Array)]).toEqual([6]);
});

const credential = (response: object) =>
  ({ id: 'AQ', rawId: bytes(1), type: 'public-key', authenticatorAttachment: 'platform', getClientExtensionResults: () => ({ credProps: { rk: true } }), response }) as unknown as PublicKeyCredential;

test('an assertion becomes the JSON of the specification', () => {
  const json = assertionJson(credential({ clientDataJSON: bytes(1), authenticatorData: bytes(2), signature: bytes(3), userHandle: bytes(4) }));
  expect(json).toEqual({
    id: 'AQ', rawId: 'AQ', type: 'public-key', authenticatorAttachment: 'platform', clientExtensionResults: { credProps: { rk: true } },
    response: { clientDataJSON: 'AQ', authenticatorData: 'Ag', signature: 'Aw', userHandle: 'BA' },
  });
});

test('an attestation without getTransports still goes out', () => {
  const json = attestationJson(credential({ clientDataJSON: bytes(1), attestationObject: bytes(2) }));
  expect(json.response).toEqual({ clientDataJSON: 'AQ', attestationObject: 'Ag', transports: [] });
});

test.each([['none', 'passkey.already-here'], ['direct', 'passkey.already-key']])('what is registered already is said, with attestation %s', async (attestation, code) => {
  vi.stubGlobal('navigator', { credentials: { create: () => Promise.reject(new DOMException('', 'InvalidStateError')) } });
  const publicKey = { attestation, challenge: 'AQID', rp: { id: 'x', name: 'X' }, user: { id: 'BAU', name: 'n', displayName: 'd' }, pubKeyCredParams: [] };
  await expect(create({ token: 't', expires: '', publicKey } as never)).rejects.toMatchObject({ problem: { code } });
  vi.unstubAllGlobals();
});
