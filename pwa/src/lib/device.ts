// What kind of browser this is: to name a passkey, and to say how to get out of
// an app's own window. Guesses only; nothing is decided by them.
import type { Key } from '../i18n';

export type System = 'ios' | 'android' | 'pc';

export interface Device {
  system: System;
  name: Key;
  /** The app whose window this is; '?' when it doesn't say; '' for a real browser. */
  inApp: string;
}

const apps: [RegExp, string][] = [
  [/\bTeams\//i, 'Teams'],
  [/\bOutlook|OutlookMobile|ms-office/i, 'Outlook'],
  [/FBAN|FBAV|FB_IAB/, 'Facebook'],
  [/Instagram/, 'Instagram'],
  [/LinkedInApp/, 'LinkedIn'],
  [/\bSlack/i, 'Slack'],
  [/\bLine\//, 'LINE'],
  [/MicroMessenger/, 'WeChat'],
  [/WhatsApp/, 'WhatsApp'],
  [/Snapchat/, 'Snapchat'],
  [/TikTok|musical_ly|BytedanceWebview/, 'TikTok'],
  [/\bGSA\//, 'Google'],
  [/Twitter/, 'X'],
];

/** Reads a user agent; touch tells an iPad from the Mac that it claims to be. */
export function readDevice(agent: string, touch = 0, standalone = false): Device {
  const ipad = /iPad/.test(agent) || (/Macintosh/.test(agent) && touch > 1);
  const ios = ipad || /iPhone|iPod/.test(agent);
  const android = /Android/.test(agent);
  const system: System = ios ? 'ios' : android ? 'android' : 'pc';
  return { system, name: nameOf(agent, ipad, ios, android), inApp: standalone ? '' : inApp(agent, ios && !ipad, android) };
}

function nameOf(agent: string, ipad: boolean, ios: boolean, android: boolean): Key {
  if (ipad) return 'dev.ipad';
  if (ios) return 'dev.iphone';
  if (android) return 'dev.android';
  if (/Macintosh/.test(agent)) return 'dev.mac';
  if (/Windows/.test(agent)) return 'dev.windows';
  return /Linux|X11/.test(agent) ? 'dev.linux' : 'dev.other';
}

function inApp(agent: string, iphone: boolean, android: boolean): string {
  const named = apps.find(([pattern]) => pattern.test(agent));
  if (named) return named[1];
  if (android && /; wv\)/.test(agent)) return '?';
  // Safari and every real browser on an iPhone name Safari; a bare web view doesn't.
  return iphone && /AppleWebKit/.test(agent) && !/Safari\//.test(agent) ? '?' : '';
}

export function thisDevice(): Device {
  const standalone = matchMedia('(display-mode: standalone)').matches || (navigator as { standalone?: boolean }).standalone === true;
  return readDevice(navigator.userAgent, navigator.maxTouchPoints, standalone);
}
