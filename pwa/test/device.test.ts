import { expect, test } from 'vitest';
import { readDevice } from '../src/lib/device';

const iphone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)';
const android = 'Mozilla/5.0 (Linux; Android 14; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko)';

test.each([
  ['Safari on an iPhone', `${iphone} Version/18.5 Mobile/15E148 Safari/604.1`, 0, 'ios', 'dev.iphone', ''],
  ['Chrome on an iPhone', `${iphone} CriOS/125.0 Mobile/15E148 Safari/604.1`, 0, 'ios', 'dev.iphone', ''],
  ['a bare web view on an iPhone', `${iphone} Mobile/15E148`, 0, 'ios', 'dev.iphone', '?'],
  ['Facebook on an iPhone', `${iphone} Mobile/15E148 [FBAN/FBIOS;FBAV/460.0]`, 0, 'ios', 'dev.iphone', 'Facebook'],
  ['Teams on an iPhone', `${iphone} Mobile/15E148 Teams/6.5`, 0, 'ios', 'dev.iphone', 'Teams'],
  ['Google on an iPhone', `${iphone} GSA/320.0 Mobile/15E148 Safari/604.1`, 0, 'ios', 'dev.iphone', 'Google'],
  ['an iPad that says it is a Mac', 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15', 5, 'ios', 'dev.ipad', ''],
  ['a Mac', 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15', 0, 'pc', 'dev.mac', ''],
  ['Chrome on Android', `${android} Chrome/155.0 Mobile Safari/537.36`, 5, 'android', 'dev.android', ''],
  ['a web view on Android', 'Mozilla/5.0 (Linux; Android 14; Pixel 7; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/125.0 Mobile Safari/537.36', 5, 'android', 'dev.android', '?'],
  ['Outlook on Android', `${android} Version/4.0 Chrome/125.0 Mobile Safari/537.36 OutlookMobile/4.2`, 5, 'android', 'dev.android', 'Outlook'],
  ['Edge on Windows', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/155.0 Safari/537.36 Edg/155.0', 0, 'pc', 'dev.windows', ''],
  ['Firefox on Linux', 'Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0', 0, 'pc', 'dev.linux', ''],
])('%s', (_, agent, touch, system, name, inApp) => {
  expect(readDevice(agent, touch)).toEqual({ system, name, inApp });
});

test('the app on the home screen is no in-app browser', () => {
  expect(readDevice(`${iphone} Mobile/15E148`, 5, true).inApp).toBe('');
});
