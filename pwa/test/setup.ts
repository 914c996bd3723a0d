// What the modules read of the browser when they are loaded.
Object.assign(globalThis, {
  location: { pathname: '/', hostname: 'localhost', origin: 'http://localhost' },
  document: { documentElement: { lang: '' }, querySelector: () => null },
});
Object.defineProperty(globalThis, 'navigator', { value: { languages: ['en-GB'], language: 'en-GB' }, configurable: true });
