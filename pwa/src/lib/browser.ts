// A browser's name as the server tells it, for the screens behind Start.
import { t } from '../i18n';

/** The sign of the device that it runs on. */
export const deviceSign = (said: string) => (/iPhone|iPad|Android/.test(said) ? 'phone' : 'laptop');

/** "Chrome on Android", in the person's language. */
export function browserName(said: string): string {
  const [browser = '', system] = said.split(' on ');
  return system ? t('devs.on', { browser, system }) : said;
}
