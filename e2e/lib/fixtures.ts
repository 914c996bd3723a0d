import { test as base, devices, expect, type BrowserContext, type CDPSession, type Page } from '@playwright/test';
import { Bridge } from './bridge.ts';
import type { Person } from './directory.ts';
import { Stack, type Database } from './stack.ts';

export { expect };

let counter = 0;

/** A phone: 390×844, touch, and an authenticator with user verification inside. */
export class Phone {
  private bridge: Bridge | undefined;

  private constructor(readonly page: Page, readonly context: BrowserContext, readonly cdp: CDPSession, readonly authenticator: string) {}

  static async open(context: BrowserContext): Promise<Phone> {
    const page = await context.newPage();
    const cdp = await context.newCDPSession(page);
    await cdp.send('WebAuthn.enable', { enableUI: false });
    const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2', ctap2Version: 'ctap2_1', transport: 'internal', hasResidentKey: true, hasUserVerification: true,
        isUserVerified: true, automaticPresenceSimulation: true, defaultBackupEligibility: true, defaultBackupState: true,
      },
    });
    return new Phone(page, context, cdp, authenticatorId);
  }

  /** Takes notifications from its enrolment on, which must come afterwards. */
  async takeNotifications(stack: Stack): Promise<void> { this.bridge = await Bridge.over(this.page, this.cdp, stack.stand, stack.url); }

  /** The next notification. */
  notification(): ReturnType<Bridge['next']> {
    if (!this.bridge) throw new Error('this phone takes no notifications');
    return this.bridge.next();
  }

  /** Follows an enrolment link to its end. */
  async enrol(person: Person, link: string): Promise<void> {
    const { page } = this;
    await page.goto(link);
    await page.getByLabel('The password you use at work').fill(person.password);
    await page.getByRole('button', { name: 'Check my password' }).click();
    await page.getByRole('button', { name: 'Make my passkey' }).click();
    await page.getByRole('button', { name: 'Try it once' }).click();
    await this.hearsAboutIt();
  }

  /** The last step of an enrolment: notifications, where the browser has them. */
  async hearsAboutIt(): Promise<void> {
    const { page } = this;
    const hear = page.getByRole('heading', { name: 'Hear about it' });
    const ready = page.getByRole('heading', { name: /You are ready/ });
    await expect(hear.or(ready)).toBeVisible();
    if (await hear.isVisible()) await page.getByRole('button', { name: this.bridge ? 'Turn on notifications' : /Not now|Go on without/ }).click();
    await expect(ready).toBeVisible();
  }

  /** Comes back to Start on another day: the session is over, the page remembers that there was one. */
  async signOut(): Promise<void> {
    await this.context.clearCookies();
    await this.page.goto(new URL('/', this.page.url()).href);
    await expect(this.page.getByRole('button', { name: 'Unlock with my passkey' })).toBeEnabled();
  }

  /** Asks for a new password up to the point where somebody else has to approve. Returns the request's id. */
  async askForReset(why = 'Back from leave'): Promise<string> {
    const { page } = this;
    await page.getByRole('button', { name: 'Set a new password' }).or(page.getByRole('link', { name: 'Set a new password' })).first().click();
    await page.getByRole('button', { name: why }).click();
    await page.getByRole('button', { name: 'Ask for approval' }).click();
    await page.getByRole('button', { name: 'Confirm with my passkey' }).click();
    await expect(page.getByRole('heading', { name: /^Waiting for/ })).toBeVisible();
    return this.page.url().split('/').at(-1)!;
  }

  async signIn(): Promise<void> {
    await this.page.getByRole('button', { name: 'Unlock with my passkey' }).click();
    await expect(this.page.getByRole('heading', { name: 'My account' })).toBeVisible();
  }
}

export interface Options {
  /** Where Latchkey keeps its data. */
  database: Database;
}

interface Fixtures {
  phone: Phone;
  /** A new person of the domain, removed afterwards. */
  person: Person;
  /** A person with a passkey on the phone, signed out, at Start. */
  enrolled: Person;
}

export const test = base.extend<Fixtures, Options & { stack: Stack }>({
  database: ['sqlite', { option: true, scope: 'worker' }],

  stack: [async ({ database }, use) => {
    const stack = await Stack.start(database);
    await use(stack);
    await stack.stop();
  }, { scope: 'worker', timeout: 180_000 }],

  context: async ({ browser, stack }, use) => {
    const { viewport: _, ...pixel } = devices['Pixel 7'];
    const context = await browser.newContext({ ...pixel, viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, baseURL: stack.url, locale: 'en-GB', timezoneId: 'Europe/Berlin' });
    await use(context);
    await context.close();
  },

  phone: async ({ context }, use) => { await use(await Phone.open(context)); },

  person: async ({ stack }, use) => {
    const person = stack.directory.add(`dana.reyes${++counter}`, { given: 'Dana', surname: 'Reyes' });
    await use(person);
    stack.directory.remove(person);
  },

  enrolled: async ({ stack, phone, person }, use) => {
    await phone.enrol(person, stack.invite(person));
    await phone.signOut();
    await use(person);
  },
});
