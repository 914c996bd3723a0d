import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Stand } from './stand.ts';

// What the organisation of the journeys says of its further proofs.

/** Where its IT keeps addresses: of what a controller's own schema has, attributes that nobody writes for themselves. */
export const attributes = { mail: 'employeeType', phone: 'division', number: 'employeeNumber' } as const;

export interface Question { id: string; en: string; de: string }

export const questions: readonly Question[] = [
  { id: 'first-teacher', en: 'Who was your first teacher?', de: 'Wer war Ihre erste Lehrkraft?' },
  { id: 'first-street', en: 'In which street did you live as a child?', de: 'In welcher Straße haben Sie als Kind gewohnt?' },
  { id: 'first-concert', en: 'Whose concert was your first?', de: 'Von wem war Ihr erstes Konzert?' },
  { id: 'first-trip', en: 'Where did your first journey alone lead?', de: 'Wohin ging Ihre erste Reise allein?' },
  { id: 'dream-job', en: 'What did you want to become as a child?', de: 'Was wollten Sie als Kind werden?' },
];

/** The part `proofs` of the configuration; its secret is a file in dir. */
export function furtherProofs(dir: string, stand: Stand): object {
  const secret = join(dir, 'sms.secret');
  writeFileSync(secret, stand.sms.token, { mode: 0o600 });
  return {
    mail_code: { attribute: attributes.mail, verified: true },
    sms_code: {
      attribute: attributes.phone, verified: true, countries: ['+49', '+43'],
      gateway: {
        method: 'POST', url: stand.sms.url, headers: ['Authorization: Bearer {{secret}}', 'Content-Type: application/json'], secret_file: secret,
        body: '{"to":{{json number}},"text":{{json text}}}', success: { status: [200], contains: '"queued"' }, timeout: '2s',
      },
    },
    pin: {},
    questions: { list: questions, ask: 3 },
    directory: { attribute: attributes.number, en: 'Employee number', de: 'Personalnummer' },
  };
}
