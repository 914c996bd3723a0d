// German for the pages that only tell. Keys are those of pages.en.ts.
import type { Pages } from '.';

export const de: Pages = {
  'help.title': 'Mein Anmeldeschlüssel geht nicht',
  'help.lead': 'Was sehen Sie?',
  'help.without': 'Ohne Anmeldeschlüssel hinein',
  'help.without.sub': 'Mit etwas anderem, das Sie vorher eingerichtet haben.',
  'help.without.vouch': 'Mit etwas anderem, das Sie früher eingerichtet haben, oder weil jemand für Sie bürgt.',
  'help.nothing': 'Mein Telefon fragt nichts oder findet keinen Anmeldeschlüssel (Passkey)',
  'help.nothing.do': 'Nehmen Sie das Telefon oder das Browserprofil, mit dem Sie Latchkey eingerichtet haben. Private Fenster und Arbeitsprofile haben eigene Anmeldeschlüssel.',
  'help.other': 'Mein Anmeldeschlüssel ist auf einem anderen Gerät',
  'help.other.do': 'Tippen Sie auf „Mit Anmeldeschlüssel entsperren“, wählen Sie im Fenster des Browsers „Anderes Gerät verwenden“ und lesen Sie den Code mit jenem Gerät ein. Bluetooth muss auf beiden an sein.',
  'help.new': 'Ich habe ein neues Telefon',
  'help.new.do': 'Ist Ihre Passwortverwaltung mit umgezogen (iCloud-Schlüsselbund, Google Passwortmanager), dann auch Ihr Anmeldeschlüssel. Wenn nicht und das alte Telefon noch geht, fügen Sie das neue unter „Meine Anmeldeschlüssel“ hinzu. Sonst bitten Sie um einen neuen Link.',
  'help.never': 'Ich habe nie einen eingerichtet',
  'help.never.do': 'Sie brauchen einen Link von der IT. Er öffnet eine Seite, die zwei Minuten dauert.',
  'help.app': 'Die Seite ging in einer anderen App auf',
  'help.app.do': 'Apps für E‑Mail und Chat haben einen kleinen eigenen Browser, in dem Anmeldeschlüssel nicht gehen. Öffnen Sie die Seite in Safari oder Chrome.',
  'help.unknown': 'Es heißt, der Anmeldeschlüssel sei hier unbekannt',
  'help.unknown.do': 'Er wurde hier entfernt oder gehört zu einem anderen Konto. Wählen Sie einen anderen, wenn Ihr Gerät mehrere anbietet.',

  'about.title': 'Was ist Latchkey?',
  'about.lead': 'Damit entsperren Sie Ihr eigenes Arbeitskonto und setzen ein neues Passwort, mit Ihrem Anmeldeschlüssel (Passkey), zu jeder Stunde.',
  'about.how': 'Wie es geht',
  'about.how.do': 'Ihr Anmeldeschlüssel beweist, dass Sie es sind: Ihr Telefon prüft Finger, Gesicht oder PIN und unterschreibt ein Rätsel, das nie zweimal dasselbe ist. Sie tippen nichts, also kann niemand mitlesen, und auf einer falschen Seite landet auch nichts.',
  'about.never': 'Was es nie tut',
  'about.never.do': 'Es behält keine Passwörter. Es schickt Ihnen nie einen Link, um eines zu setzen. Niemand, auch die IT nicht, sieht das Passwort, das Sie hier wählen.',
  'about.does': 'Was es kann',
  'about.does.do': 'Nur, was Ihre Organisation für Ihr Konto erlaubt. Alles, was es tut, steht in einem Protokoll, das sich hinterher nicht ändern lässt.',
  'about.version': 'Fassung {version}',
};
