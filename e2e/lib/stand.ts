import { join } from 'node:path';
import { programs, start, type Started } from './process.ts';

/** What `stand --ready` writes. */
interface Ready { control: string; ca_file: string; push_socket: string; proxy: string; mail: string; sms: string; sms_token: string; bus: string }

/** A push as the stand-in push service took it. */
export interface Message {
  id: string; token: string; at: string; status: number; problem?: string; ttl: number; urgency?: string; topic?: string;
  size: number; subject?: string; expires: string; vapid?: string;
  text?: string; // decrypted, where there is no browser behind the subscription
  received?: number; // the browser's code: 100 delivered, 101 not decrypted, 102 not delivered
}

export interface Fault { times?: number; status?: number; retryAfter?: string; location?: string; hang?: boolean; endless?: boolean; reset?: boolean }
export interface Shown { id: number; app: string; summary: string; body: string; actions: { key: string; label: string }[]; closed: boolean }
export interface Mail { from: string; to: string[]; at: string; subject: string; raw: string; tls: boolean }
export interface Text { to: string; text: string; at: string }
export interface Receiver { endpoint: string; p256dh: string; auth: string }
export type MailMode = '' | 'refuses' | 'greylists' | 'bad-certificate' | 'wrong-name' | 'no-tls' | 'down' | 'hangs';
export type SmsMode = '' | 'rejects' | 'refuses' | 'nonsense' | 'endless' | 'hangs' | 'down';

/** The outside world on loopback: a push service, a desktop that shows notifications, a mail server, an SMS gateway. */
export class Stand {
  private constructor(private readonly program: Started<Ready>) {}

  static async start(dir: string): Promise<Stand> {
    return new Stand(await start<Ready>(programs.stand, ['--dir', dir, '--ready', join(dir, 'stand.json'), '--desktop'], join(dir, 'stand.json'), 20));
  }

  stop(): Promise<void> { return this.program.stop(); }

  get caFile(): string { return this.program.ready.ca_file; }
  get proxy(): string { return this.program.ready.proxy; }
  get pushSocket(): string { return this.program.ready.push_socket; }
  get bus(): string { return this.program.ready.bus; }
  get mailHost(): string { return this.program.ready.mail.split(':')[0]!; }
  get mailPort(): number { return Number(this.program.ready.mail.split(':')[1]); }

  get sms(): { url: string; token: string } { return { url: this.program.ready.sms, token: this.program.ready.sms_token }; }

  /** All that was sent; with after, once it is more than that many. */
  messages(after?: number): Promise<Message[]> { return this.list('push/messages', after); }
  mails(after?: number): Promise<Mail[]> { return this.list('mail/mails', after); }
  texts(after?: number): Promise<Text[]> { return this.list('sms/messages', after); }
  shown(after?: number): Promise<Shown[]> { return this.list('desktop/shown', after); }

  fail(...faults: Fault[]): Promise<unknown> { return this.post('push/fail', faults); }
  subscribe(key: string): Promise<Receiver> { return this.post('push/subscribe', { key }); }
  /** Ends a subscription, or all: the next push gets 410. */
  expire(endpoint = ''): Promise<unknown> { return this.post('push/expire', { endpoint }); }
  /** Closes the browsers' connections. */
  drop(): Promise<unknown> { return this.post('push/drop', {}); }
  /** Makes the browsers subscribe anew. */
  forget(): Promise<unknown> { return this.post('push/forget', {}); }
  mail(mode: MailMode): Promise<unknown> { return this.post('mail/be', { mode }); }
  gateway(mode: SmsMode): Promise<unknown> { return this.post('sms/be', { mode }); }

  /** Taps a button of a notification, or the notification itself. */
  tap(n: Shown, label = ''): Promise<unknown> { return this.post('desktop/tap', { id: n.id, label }); }
  clear(): Promise<unknown> { return this.post('desktop/clear', {}); }

  /** Sends a push from an application server that is not Latchkey. */
  send(to: Receiver, text: string): Promise<{ status: number }> { return this.post('send', { ...to, text }); }
  async senderKey(): Promise<string> { return (await (await fetch(`${this.program.ready.control}/send`)).json() as { key: string }).key; }

  private async list<T>(path: string, after?: number): Promise<T[]> {
    const r = await fetch(`${this.program.ready.control}/${path}${after === undefined ? '' : `?after=${after}`}`);
    if (!r.ok) throw new Error(`${path}: ${await r.text()}`);
    return await r.json() as T[];
  }

  private async post<T>(path: string, body: unknown): Promise<T> {
    const r = await fetch(`${this.program.ready.control}/${path}`, { method: 'POST', body: JSON.stringify(body) });
    const text = await r.text();
    if (!r.ok) throw new Error(`${path}: ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }
}
