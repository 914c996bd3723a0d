// Times as people say them. An empty or broken time gives ''.
import { locale, t, tn } from '../i18n';

const DAY = 86_400_000;

function parse(iso: string): Date | null {
  const d = new Date(iso);
  return iso && !Number.isNaN(d.getTime()) ? d : null;
}

const midnight = (d: Date) => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime();
const dayDistance = (d: Date, now: Date) => Math.round((midnight(d) - midnight(now)) / DAY);
const as = (d: Date, o: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale(), o).format(d);

/** "10:52" */
export function clock(iso: string): string {
  const d = parse(iso);
  return d ? as(d, { hour: '2-digit', minute: '2-digit' }) : '';
}

/** The exact time, for a tooltip or the second line. */
export function exact(iso: string): string {
  const d = parse(iso);
  return d ? as(d, { dateStyle: 'full', timeStyle: 'medium' }) : '';
}

/** "20 November", with the year when it isn't this one. */
export function date(iso: string, now = new Date()): string {
  const d = parse(iso);
  if (!d) return '';
  const year = d.getFullYear() === now.getFullYear() ? undefined : 'numeric';
  return as(d, { day: 'numeric', month: 'long', year });
}

/** "10:52" today, "tomorrow, 09:14", "Friday, 09:14", "20 November, 09:14". */
export function moment(iso: string, now = new Date()): string {
  const d = parse(iso);
  if (!d) return '';
  const time = clock(iso);
  const days = dayDistance(d, now);
  if (days === 0) return time;
  if (days === -1) return t('t.yesterday', { time });
  if (days === 1) return t('t.tomorrow', { time });
  if (Math.abs(days) < 7) return `${as(d, { weekday: 'long' })}, ${time}`;
  return `${date(iso, now)}, ${time}`;
}

/** As moment, but says "today, 10:52". */
export function momentToday(iso: string, now = new Date()): string {
  const d = parse(iso);
  if (!d) return '';
  return dayDistance(d, now) === 0 ? t('t.today', { time: clock(iso) }) : moment(iso, now);
}

/** "Today", "Yesterday", "Friday, 20 November": the heading of a day. */
export function day(iso: string, now = new Date()): string {
  const d = parse(iso);
  if (!d) return '';
  const distance = dayDistance(d, now);
  if (distance < -1 || distance > 0) return `${as(d, { weekday: 'long' })}, ${date(iso, now)}`;
  const name = new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' }).format(distance, 'day');
  return name.charAt(0).toLocaleUpperCase(locale()) + name.slice(1);
}

/** "in 3 days", "yesterday", "today"; "in 3 months", "4 years ago" where days would have to be counted. */
export function inDays(iso: string, now = new Date()): string {
  const d = parse(iso);
  if (!d) return '';
  const days = dayDistance(d, now);
  const words = new Intl.RelativeTimeFormat(locale(), { numeric: 'auto' });
  if (Math.abs(days) >= 730) return words.format(Math.round(days / 365.25), 'year');
  if (Math.abs(days) >= 60) return words.format(Math.round(days / 30.44), 'month');
  return words.format(days, 'day');
}

/** "just now", "5 minutes ago", then as moment. */
export function ago(iso: string, now = new Date()): string {
  const d = parse(iso);
  if (!d) return '';
  const minutes = Math.round((now.getTime() - d.getTime()) / 60_000);
  if (minutes < 1) return t('t.now');
  if (minutes < 60) return new Intl.RelativeTimeFormat(locale(), { numeric: 'always' }).format(-minutes, 'minute');
  return momentToday(iso, now);
}

/** "in 40 seconds" for a Retry-After. */
export function inSeconds(s: number): string {
  if (s < 1) return t('t.soon');
  const f = new Intl.RelativeTimeFormat(locale(), { numeric: 'always' });
  if (s < 90) return f.format(Math.ceil(s), 'second');
  return s <= 5400 ? f.format(Math.ceil(s / 60), 'minute') : f.format(Math.ceil(s / 3600), 'hour');
}

/** An ISO 8601 duration of years, months, weeks, days or hours, in words; '' when it is none. */
export function duration(iso: string): string {
  const m = /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?.*)?$/.exec(iso);
  if (!m) return '';
  const units = ['year', 'month', 'week', 'day', 'hour'];
  const parts = units.flatMap((unit, i) => {
    const n = Number(m[i + 1] ?? 0);
    return n ? [new Intl.NumberFormat(locale(), { style: 'unit', unit, unitDisplay: 'long' }).format(n)] : [];
  });
  return parts.join(' ');
}

/** "9", "1,234" */
export const number = (n: number) => new Intl.NumberFormat(locale()).format(n);

/** "a day", "3 days" for the minimum age. */
export const days = (n: number) => tn('pw.young.days', n);
