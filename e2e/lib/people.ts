import { devices, type Browser } from '@playwright/test';
import { Phone, test as base } from './fixtures.ts';
import type { Person } from './directory.ts';
import { departments, type Stack } from './stack.ts';

let counter = 0;

/** Somebody with a phone of their own. */
export interface Somebody { person: Person; phone: Phone }

/** Hires people and gives them phones; all of it is undone after the test. */
export class People {
  private readonly undo: (() => Promise<void> | void)[] = [];

  constructor(readonly stack: Stack, private readonly browser: Browser) {}

  hire(given: string, surname: string, more: { department?: string; manager?: Person; title?: string; more?: Record<string, string> } = {}): Person {
    const person = this.stack.directory.add(`${given}.${surname}${++counter}`.toLowerCase(), { given, surname, ...more });
    this.undo.push(() => { this.stack.directory.remove(person); });
    return person;
  }

  /** A browser that nobody has used. */
  async phone(): Promise<Phone> {
    const { viewport: _, ...pixel } = devices['Pixel 7'];
    const phone = await Phone.open(await this.browser.newContext({ ...pixel, viewport: { width: 390, height: 844 }, baseURL: this.stack.url, locale: 'en-GB', timezoneId: 'Europe/Berlin' }));
    this.undo.push(() => phone.context.close());
    return phone;
  }

  /** Enrols them on a new phone, with notifications, up to My account. */
  async enrolled(person: Person): Promise<Somebody> {
    const phone = await this.phone();
    await phone.takeNotifications(this.stack);
    await phone.enrol(person, this.stack.invite(person));
    await phone.page.getByRole('button', { name: 'To my account' }).click();
    return { person, phone };
  }

  /** Sam, who approves for Noor, who belongs to a department. */
  async pair(department: string = departments.byManager): Promise<{ sam: Somebody; noor: Somebody }> {
    const sam = await this.enrolled(this.hire('Sam', 'Okafor'));
    const noor = await this.enrolled(this.hire('Noor', 'Haddad', { department, manager: sam.person }));
    return { sam, noor };
  }

  async end(): Promise<void> {
    for (const fn of this.undo.reverse()) await fn();
  }
}

export const test = base.extend<{ people: People }>({
  people: async ({ stack, browser }, use) => {
    const people = new People(stack, browser);
    await use(people);
    await people.end();
  },
});
