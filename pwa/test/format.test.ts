import { beforeAll, expect, test } from 'vitest';
import { says, speak, t } from '../src/i18n';
import { ago, date, day, duration, inDays, inSeconds, moment, momentToday } from '../src/lib/format';

const now = new Date(2026, 10, 24, 10, 30);
const at = (days: number, hour: number, minute = 0) => new Date(2026, 10, 24 + days, hour, minute).toISOString();

beforeAll(() => speak('en').then(says('inside', 'account')));

test.each([
  ['today', at(0, 10, 52), '10:52'],
  ['tomorrow', at(1, 9, 14), 'tomorrow, 09:14'],
  ['yesterday', at(-1, 17, 3), 'yesterday, 17:03'],
  ['this week', at(3, 9, 14), 'Friday, 09:14'],
  ['later', at(30, 9, 14), '24 December, 09:14'],
  ['never', '', ''],
  ['broken', 'nonsense', ''],
])('a moment %s', (_, iso, want) => expect(moment(iso, now)).toBe(want));

test('days, minutes and seconds are counted as people count', () => {
  expect(momentToday(at(0, 10, 52), now)).toBe('today, 10:52');
  expect(inDays(at(3, 1), now)).toBe('in 3 days');
  expect(inDays(at(59, 9), now)).toBe('in 59 days');
  expect(inDays(at(60, 9), now)).toBe('in 2 months');
  expect(inDays(at(-1578, 9), now)).toBe('4 years ago');
  expect(inDays(at(1, 23), now)).toBe('tomorrow');
  expect(ago(at(0, 10, 25), now)).toBe('5 minutes ago');
  expect(ago(at(0, 10, 30), now)).toBe('just now');
  expect(inSeconds(40)).toBe('in 40 seconds');
  expect(inSeconds(600)).toBe('in 10 minutes');
  expect(inSeconds(5400)).toBe('in 90 minutes');
  expect(inSeconds(8640)).toBe('in 3 hours');
  expect(date(at(60, 9), now)).toBe('23 January 2027');
  expect(day(at(0, 1), now)).toBe('Today');
  expect(day(at(-1, 1), now)).toBe('Yesterday');
  expect(day(at(-4, 1), now)).toBe('Friday, 20 November');
});

test('durations of ISO 8601', () => {
  expect(duration('P1Y')).toBe('1 year');
  expect(duration('P90D')).toBe('90 days');
  expect(duration('P1Y6M')).toBe('1 year 6 months');
  expect(duration('')).toBe('');
  expect(duration('forever')).toBe('');
});

test('German says it in German', async () => {
  await speak('de');
  expect(moment(at(1, 9, 14), now)).toBe('morgen, 09:14');
  expect(inDays(at(3, 1), now)).toBe('in 3 Tagen');
  await speak('en');
});

test('a name turns no words around', () => {
  expect(t('account.call', { name: '\u202Eevil\u2066' })).toBe('Call evil');
});
