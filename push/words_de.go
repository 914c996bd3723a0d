package push

const (
	ownDE    = "\n\nWenn Sie das nicht waren, rufen Sie an: {support}.\n\nIhr Konto: {link}\n"
	footerDE = "\n\nHier öffnen: {link}\n"
	besideDE = "Wenn Sie das waren, ist nichts weiter zu tun: Rufen Sie dort an und nennen Sie die zwei Ziffern auf Ihrem Bildschirm. Wenn nicht, hat jemand anderes diesen Nachweis: Wählen Sie „Das war ich nicht“."
	callDE   = "Wenn Sie das nicht waren, rufen Sie an: {support}."
)

var german = map[string]words{
	kindReview: {
		Title: "Ein Antrag wartet auf Sie", Body: "Öffnen Sie Latchkey, um zu sehen, wer worum bittet.",
		Subject: "Ein Antrag wartet auf Ihre Entscheidung",
		Text:    "In Latchkey wartet ein Antrag auf Ihre Entscheidung." + footerDE,
	},
	kindReminder: {
		Title: "Ein Antrag wartet noch auf Sie", Body: "Öffnen Sie Latchkey, um rechtzeitig zu entscheiden.",
		Subject: "Ein Antrag wartet noch auf Ihre Entscheidung",
		Text:    "In Latchkey wartet noch ein Antrag auf Ihre Entscheidung, und seine Frist läuft." + footerDE,
	},
	kindSeveral: {
		Title: "Weitere Anträge sind eingegangen", Body: "Öffnen Sie Latchkey, um zu sehen, welche auf Sie warten.",
		Subject: "Weitere Anträge sind eingegangen",
		Text:    "Weitere Anträge sind eingegangen. Öffnen Sie Latchkey, um zu sehen, welche auf Ihre Entscheidung warten." + footerDE,
	},
	kindApproved: {
		Title: "Ihr Antrag ist freigegeben", Body: "Öffnen Sie ihn, um fortzufahren.",
		Subject: "Ihr Antrag ist freigegeben",
		Text:    "Ihr Antrag ist freigegeben. Öffnen Sie ihn, um fortzufahren." + footerDE,
	},
	kindApproved + "/unlock": {
		Title: "Das Entsperren ist freigegeben", Body: "Ihr Konto wird entsperrt.",
		Subject: "Das Entsperren ist freigegeben",
		Text:    "Ihr Antrag ist freigegeben, und Ihr Konto wird entsperrt." + footerDE,
	},
	kindApproved + "/reset": {
		Title: "Ihr Antrag ist freigegeben", Body: "Öffnen Sie ihn, um Ihr neues Passwort zu setzen.",
		Subject: "Ihr Antrag ist freigegeben",
		Text:    "Ihr Antrag ist freigegeben. Öffnen Sie ihn, um Ihr neues Passwort zu setzen." + footerDE,
	},
	kindDenied: {
		Title: "Ihr Antrag wurde abgelehnt", Body: "Öffnen Sie ihn, um zu sehen, warum und was Sie tun können.",
		Subject: "Ihr Antrag wurde abgelehnt",
		Text:    "Ihr Antrag wurde abgelehnt. Öffnen Sie ihn, um zu sehen, warum und was Sie tun können." + footerDE,
	},
	kindDenied + "/reported": {
		Title: "Ihr Antrag wurde angehalten", Body: "Er wurde als nicht richtig gemeldet. Rufen Sie an: {support}.",
		Subject: "Ihr Antrag wurde angehalten",
		Text:    "Ihr Antrag wurde als nicht richtig gemeldet und geht nicht weiter. Rufen Sie an: {support}." + footerDE,
	},
	kindDenied + "/numbers": {
		Title: "Ihr Antrag wurde angehalten", Body: "Dreimal wurde eine falsche Zahl eingegeben. Öffnen Sie ihn, um noch einmal zu fragen.",
		Subject: "Ihr Antrag wurde angehalten",
		Text:    "Ihr Antrag wurde angehalten, weil dreimal eine falsche Zahl eingegeben wurde. Öffnen Sie ihn, um noch einmal zu fragen." + footerDE,
	},
	kindLapsed: {
		Title: "Niemand hat rechtzeitig geantwortet", Body: "Ihr Antrag ist beendet. Öffnen Sie ihn, um noch einmal zu fragen.",
		Subject: "Niemand hat rechtzeitig auf Ihren Antrag geantwortet",
		Text:    "Niemand hat rechtzeitig auf Ihren Antrag geantwortet. Öffnen Sie ihn, um noch einmal zu fragen, oder rufen Sie an: {support}." + footerDE,
	},
	kindFailed: {
		Title: "Ihr Konto wurde nicht entsperrt", Body: "Öffnen Sie Ihren Antrag, um zu sehen, warum.",
		Subject: "Ihr Konto wurde nicht entsperrt",
		Text:    "Ihr Antrag ist freigegeben, aber Ihr Konto wurde nicht entsperrt. Öffnen Sie ihn, um zu sehen, warum, oder rufen Sie an: {support}." + footerDE,
	},
	kindUnknown: {
		Title: "Noch ist offen, ob es gelang", Body: "Das Verzeichnis hat nicht geantwortet. Wir sehen nach und sagen es Ihnen.",
		Subject: "Noch ist offen, ob es gelang",
		Text:    "Das Verzeichnis hat nicht geantwortet, während Ihr Antrag ausgeführt wurde. Wir sehen nach und sagen es Ihnen." + footerDE,
	},
	kindSettled: {
		Title: "Jetzt steht fest, wie es ausging", Body: "Öffnen Sie Ihren Antrag, um das Ergebnis zu sehen.",
		Subject: "Jetzt steht fest, wie Ihr Antrag ausging",
		Text:    "Das Verzeichnis hat geantwortet. Öffnen Sie Ihren Antrag, um das Ergebnis zu sehen." + footerDE,
	},
	kindChanged: {
		Title: "Ihr Konto wurde geändert", Body: callDE,
		Subject: "Ihr Konto wurde geändert",
		Text:    "Ihr Konto bei {org} wurde mit Latchkey geändert." + ownDE,
	},
	kindChanged + "/unlock": {
		Title: "Ihr Konto wurde entsperrt", Body: callDE,
		Subject: "Ihr Konto wurde entsperrt",
		Text:    "Ihr Konto bei {org} wurde mit Latchkey entsperrt." + ownDE,
	},
	kindChanged + "/reset": {
		Title: "Ein neues Passwort wurde gesetzt", Body: callDE,
		Subject: "Ein neues Passwort wurde gesetzt",
		Text:    "Für Ihr Konto bei {org} wurde ein neues Passwort gesetzt." + ownDE,
	},
	kindChanged + "/change": {
		Title: "Ihr Passwort wurde geändert", Body: callDE,
		Subject: "Ihr Passwort wurde geändert",
		Text:    "Das Passwort Ihres Kontos bei {org} wurde geändert." + ownDE,
	},
	kindChanged + "/one-time": {
		Title: "Ein Einmalpasswort wurde erzeugt", Body: callDE,
		Subject: "Ein Einmalpasswort wurde erzeugt",
		Text:    "Für Ihr Konto bei {org} wurde ein Einmalpasswort erzeugt." + ownDE,
	},
	kindRelocked: {
		Title: "Ihr Konto ist wieder gesperrt", Body: "Vielleicht sendet ein Gerät noch ein altes Passwort. Mehr dazu in Latchkey.",
		Subject: "Ihr Konto ist wieder gesperrt",
		Text: "Ihr Konto bei {org} wurde kurz nach dem Entsperren wieder gesperrt. Vielleicht sendet ein Gerät oder Programm noch ein altes Passwort.\n\n" +
			"Wenn Sie kein Passwort eingegeben haben, rufen Sie an: {support}.\n\nWas geschah: {link}\n",
	},
	kindFrozen: {
		Title: "Latchkey ist für Ihr Konto geschlossen", Body: "Jemand hat einen Antrag dafür gemeldet. Rufen Sie an: {support}.",
		Subject: "Latchkey ist für Ihr Konto geschlossen",
		Text: "Ein Antrag für Ihr Konto bei {org} wurde als nicht richtig gemeldet. Bis das geklärt ist, tut Latchkey nichts für Ihr Konto.\n\n" +
			"Rufen Sie an: {support}.\n\nIhr Konto: {link}\n",
	},
	kindReplaced: {
		Title: "Jemand, den Sie führen, hat einen neuen Anmeldeschlüssel", Body: "Die E-Mail sagt, wer. Fragen Sie nach, ob es die Person selbst war.",
		Subject: "Ein neuer Anmeldeschlüssel für {who}",
		Text: "{who} wird von Ihnen geführt und hat in Latchkey bei {org} einen neuen Anmeldeschlüssel (Passkey) angelegt, ohne den alten, wie nach einem verlorenen Telefon. Wer ihn hat, kann für das Konto ein neues Passwort setzen.\n\n" +
			"Fragen Sie persönlich oder am Telefon nach, ob es die Person selbst war. Wenn nicht, rufen Sie an: {support}.\n\n{link}\n",
	},
	kindProofs: {
		Title: "Die Wege in Ihr Konto wurden geändert", Body: callDE,
		Subject: "Die Wege in Ihr Konto wurden geändert",
		Text:    "Die Nachweise für Ihr Konto bei {org} wurden mit Latchkey geändert." + ownDE,
	},
	kindProofs + "/passkey": {
		Title: "Ein neuer Anmeldeschlüssel wurde für Sie angelegt", Body: callDE,
		Subject: "Ein neuer Anmeldeschlüssel wurde für Sie angelegt",
		Text:    "Für Ihr Konto bei {org} wurde ein neuer Anmeldeschlüssel (Passkey) angelegt. Wer ihn hat, kann sich bei Latchkey als Sie anmelden." + ownDE,
	},
	kindProofs + "/passkey-removed": {
		Title: "Ein Anmeldeschlüssel von Ihnen wurde entfernt", Body: callDE,
		Subject: "Ein Anmeldeschlüssel von Ihnen wurde entfernt",
		Text:    "Ein Anmeldeschlüssel (Passkey) Ihres Kontos bei {org} wurde entfernt." + ownDE,
	},
	kindProofs + "/recovery-code": {
		Title: "Neue Wiederherstellungscodes wurden gemacht", Body: callDE,
		Subject: "Neue Wiederherstellungscodes wurden gemacht",
		Text:    "Für Ihr Konto bei {org} wurden zehn neue Wiederherstellungscodes gemacht. Die alten gelten nicht mehr." + ownDE,
	},
	kindProofs + "/totp": {
		Title: "Eine Authenticator-App wurde eingerichtet", Body: callDE,
		Subject: "Eine Authenticator-App wurde eingerichtet",
		Text:    "Für Ihr Konto bei {org} wurde eine Authenticator-App eingerichtet." + ownDE,
	},
	kindProofs + "/pin": {
		Title: "Eine PIN wurde festgelegt", Body: callDE,
		Subject: "Eine PIN wurde festgelegt",
		Text:    "Für Ihr Konto bei {org} wurde eine PIN festgelegt." + ownDE,
	},
	kindProofs + "/questions": {
		Title: "Sicherheitsfragen wurden beantwortet", Body: callDE,
		Subject: "Sicherheitsfragen wurden beantwortet",
		Text:    "Für Ihr Konto bei {org} wurden Sicherheitsfragen beantwortet. Die früheren Antworten gelten nicht mehr." + ownDE,
	},
	kindProofs + "/mail-code": {
		Title: "Eine E-Mail-Adresse für Codes wurde festgelegt", Body: callDE,
		Subject: "Eine E-Mail-Adresse für Codes wurde festgelegt",
		Text:    "Codes für Ihr Konto bei {org} gehen ab jetzt an eine andere E-Mail-Adresse." + ownDE,
	},
	kindProofs + "/sms-code": {
		Title: "Eine Telefonnummer für Codes wurde festgelegt", Body: callDE,
		Subject: "Eine Telefonnummer für Codes wurde festgelegt",
		Text:    "Codes für Ihr Konto bei {org} gehen ab jetzt an eine andere Telefonnummer." + ownDE,
	},
	kindProofs + "/removed": {
		Title: "Ein Nachweis wurde entfernt", Body: callDE,
		Subject: "Ein Nachweis wurde entfernt",
		Text:    "Ein Nachweis, dass Sie es sind, wurde für Ihr Konto bei {org} entfernt." + ownDE,
	},
	kindProofs + "/recovered": {
		Title: "Jemand hat sich ohne Anmeldeschlüssel angemeldet", Body: callDE,
		Subject: "Jemand hat sich ohne Anmeldeschlüssel angemeldet",
		Text:    "Jemand hat sich bei Latchkey ohne Anmeldeschlüssel (Passkey) für Ihr Konto bei {org} angemeldet." + ownDE,
	},
	kindProofs + "/code-used": {
		Title: "Ein Wiederherstellungscode von Ihnen wurde benutzt", Body: callDE,
		Subject: "Ein Wiederherstellungscode von Ihnen wurde benutzt",
		Text:    "Einer Ihrer Wiederherstellungscodes wurde für einen Antrag für Ihr Konto bei {org} benutzt. Er gilt nicht mehr." + ownDE,
	},
	kindLift: {
		Title: "Jemand möchte wieder hereingelassen werden", Body: "Öffnen Sie Latchkey, um zu sehen, wer.",
		Subject: "Jemand möchte wieder hereingelassen werden",
		Text:    "Ein Konto bei {org} ist in Latchkey gesperrt, und sein Inhaber oder seine Inhaberin hat sich mit einem Anmeldeschlüssel (Passkey) ausgewiesen. Sie können die Person wieder hereinlassen, sobald Sie mit ihr gesprochen haben.\n\n{link}\n",
	},
	kindLift + "/recovery": {
		Title: "Jemand möchte wieder hereingelassen werden", Body: "Öffnen Sie Latchkey, um zu sehen, wer.",
		Subject: "Jemand möchte wieder hereingelassen werden",
		Text:    "Ein Konto bei {org} ist in Latchkey gesperrt, und jemand hat ohne Anmeldeschlüssel (Passkey) nachgewiesen, dass es das eigene ist. Womit, sehen Sie in Latchkey. Sie können die Person wieder hereinlassen, sobald Sie mit ihr gesprochen haben.\n\n{link}\n",
	},
	kindProved + "/recovery": {
		Title: "Jemand hat „Ich bin es wieder“ gesagt", Body: callDE,
		Subject: "Jemand hat „Ich bin es wieder“ gesagt",
		Text: "Ihr Konto ist in Latchkey bei {org} angehalten. Jemand hat jetzt ohne Anmeldeschlüssel (Passkey), mit einem Code oder einem anderen Nachweis von Ihnen, bestätigt, dass Sie es sind, und möchte wieder hineingelassen werden. Es bleibt angehalten, bis jemand mit der Berechtigung dazu es sich angesehen hat.\n\n" +
			"Wenn Sie das waren, rufen Sie an, und sagen Sie, was geschehen ist." + ownDE,
	},
	kindProved: {
		Title: "Jemand hat „Ich bin es wieder“ gesagt", Body: callDE,
		Subject: "Jemand hat „Ich bin es wieder“ gesagt",
		Text: "Ihr Konto ist in Latchkey bei {org} angehalten. Jemand hat jetzt mit einem Ihrer Anmeldeschlüssel (Passkey) bestätigt, dass Sie es sind, und möchte wieder hineingelassen werden. Es bleibt angehalten, bis jemand mit der Berechtigung dazu es sich angesehen hat.\n\n" +
			"Wenn Sie das waren, rufen Sie an, und sagen Sie, was geschehen ist." + ownDE,
	},
	kindThawed: {
		Title: "Ihr Konto ist wieder freigegeben", Body: callDE,
		Subject: "Ihr Konto ist wieder freigegeben",
		Text:    "Jemand mit der Berechtigung dazu hat die Sperre Ihres Kontos in Latchkey bei {org} aufgehoben. Alles geht wie zuvor." + ownDE,
	},
	kindVouch: {
		Title: "Jemand möchte in Ihr Konto gelassen werden", Body: callDE,
		Subject: "Jemand möchte in Ihr Konto gelassen werden",
		Text: "Jemand ohne Anmeldeschlüssel (Passkey) und ohne Code hat bei Latchkey ({org}) Ihren Namen angegeben und möchte, dass jemand aus Ihrem Umfeld für Sie bürgt.\n\n" +
			"Wenn Sie das waren, ist nichts weiter zu tun: Rufen Sie dort an und nennen Sie die zwei Ziffern auf Ihrem Bildschirm." + ownDE,
	},
	kindVouch + "/proof": {
		Title: "Jemand möchte in Ihr Konto gelassen werden", Body: callDE,
		Subject: "Jemand möchte in Ihr Konto gelassen werden",
		Text: "Jemand ohne Anmeldeschlüssel (Passkey) hat bei Latchkey ({org}) Ihren Namen angegeben, dazu eine PIN, einen Code oder einen anderen Nachweis von Ihnen, und möchte, dass jemand aus Ihrem Umfeld für Sie bürgt.\n\n" +
			besideDE + ownDE,
	},
	kindVouch + "/recovery-code": {
		Title: "Jemand möchte in Ihr Konto gelassen werden", Body: callDE,
		Subject: "Jemand möchte in Ihr Konto gelassen werden",
		Text: "Jemand ohne Anmeldeschlüssel (Passkey) hat bei Latchkey ({org}) Ihren Namen angegeben, dazu einen Ihrer Wiederherstellungscodes, und möchte, dass jemand aus Ihrem Umfeld für Sie bürgt.\n\n" +
			besideDE + ownDE,
	},
	kindFrozen + "/own": {
		Title: "Ihr Konto ist hier angehalten", Body: "Jemand hat „Das war ich nicht“ gewählt. Rufen Sie an: {support}.",
		Subject: "Ihr Konto ist in Latchkey angehalten",
		Text: "Für Ihr Konto bei {org} wurde „Das war ich nicht“ gewählt. Latchkey tut jetzt nichts mehr dafür, und Sie sind dort auf allen Geräten abgemeldet.\n\n" +
			"Rufen Sie an: {support}. Dort sieht man mit Ihnen nach und schaltet es wieder ein. Wenn nicht Sie das gewählt haben, sagen Sie es dort.\n\nIhr Konto: {link}\n",
	},
	kindAlert: {
		Title: "Ein Konto wurde eingefroren", Body: "Sehen Sie nach.",
		Subject: "Latchkey: Ein Konto wurde eingefroren",
		Text: "{name} ({account}) wurde in Latchkey bei {org} eingefroren: {way}.\n\n" +
			"Die Sitzungen dort sind beendet, offene Anträge zurückgenommen. Latchkey selbst hat im Verzeichnis nichts geändert: Ein Passwort, das vorher jemand gesetzt hat, gilt weiter.\n\n" +
			"Rufen Sie die Person an, sehen Sie nach, was geschehen ist (latchkey audit export), und heben Sie es auf, wenn es geklärt ist: latchkey unfreeze {account}\n\n{link}\n",
	},
	kindThaw: {
		Title: "Ein eingefrorenes Konto bittet um Einlass", Body: "Sehen Sie nach.",
		Subject: "Latchkey: Ein eingefrorenes Konto bittet um Einlass",
		Text: "{name} ({account}) ist in Latchkey bei {org} eingefroren und hat mit dem Anmeldeschlüssel nachgewiesen: Ich bin es wieder.\n\n" +
			"Das allein hebt nichts auf. Ein Anmeldeschlüssel davon kann in anderen Händen sein: Sehen Sie nach, ob vor dem Einfrieren einer dazukam (latchkey audit export), und rufen Sie an. " +
			"Wenn es geklärt ist: latchkey unfreeze {account}\n\n{link}\n",
	},
	kindThaw + "/recovery": {
		Title: "Ein eingefrorenes Konto bittet um Einlass", Body: "Sehen Sie nach.",
		Subject: "Latchkey: Ein eingefrorenes Konto bittet um Einlass",
		Text: "{name} ({account}) ist in Latchkey bei {org} eingefroren, und jemand hat ohne Anmeldeschlüssel nachgewiesen: Ich bin es wieder.\n\n" +
			"Das allein hebt nichts auf. Womit es nachgewiesen wurde, sagt latchkey freezes; auch das kann in anderen Händen sein oder kurz zuvor eingerichtet (latchkey audit export). Rufen Sie deshalb unter einer Nummer an, die Sie kennen. " +
			"Wenn es geklärt ist: latchkey unfreeze {account}\n\n{link}\n",
	},
	kindBrake: {
		Title: "Viele Versuche ohne Anmeldeschlüssel", Body: "Sehen Sie nach.",
		Subject: "Latchkey: Viele Versuche, ohne Anmeldeschlüssel hereinzukommen",
		Text: "Jemand probiert in Latchkey bei {org} Codes oder Antworten für ein Konto nach dem anderen. Für eine Weile kommt dort niemand mit etwas herein, das sich erraten lässt. Anmeldeschlüssel und Wiederherstellungscodes gelten wie immer, und kein Konto wurde gesperrt.\n\n" +
			"Sehen Sie nach, woher es kommt (latchkey audit export: session.recover-refused), und schließen Sie das Netz am Proxy aus.\n\n{link}\n",
	},
	kindWords: {
		Title: "Zu viele Anfragen, für jemanden zu bürgen", Body: "Sehen Sie nach.",
		Subject: "Latchkey: Zu viele Anfragen, für jemanden zu bürgen",
		Text: "In Latchkey bei {org} werden andere so oft gebeten, für jemanden zu bürgen, dass für eine Weile manche Anfrage niemanden erreicht: Wer zu oft gefragt wurde, hat Ruhe. Anmeldeschlüssel und alle anderen Wege gelten wie immer, und kein Konto wurde gesperrt.\n\n" +
			"Vielleicht sind Telefone ausgefallen, vielleicht probiert jemand Namen. Sehen Sie nach, woher es kommt (latchkey audit export: session.recover-refused, und request.submitted von anonymous). Will da aus einem Netz jemand schaden, schließen Sie es am Proxy aus.\n\n{link}\n",
	},
	kindCodes: {
		Title: "Die SMS-Codes für ein Land sind aufgebraucht", Body: "Sehen Sie nach.",
		Subject: "Latchkey: Die SMS-Codes für ein Land sind aufgebraucht",
		Text: "In Latchkey bei {org} wurden so viele SMS-Codes angefordert, dass die für ein Land aufgebraucht sind: entweder die für Menschen, die nicht angemeldet sind, oder die für Angemeldete. Für eine Weile gehen dorthin keine weiteren. Anmeldeschlüssel, Wiederherstellungscodes und Codes per E-Mail gelten wie immer.\n\n" +
			"Welches Land und welche der beiden es sind, sagt das Protokoll (latchkey audit export: proof.codes-used-up), und unter proof.code-sent, von wo aus. Will da jemand schaden, schließen Sie das Netz am Proxy aus; sind Sie einfach viele, erhöhen Sie proofs.sms_code.hourly.\n\n{link}\n",
	},
	kindExpiring: {
		Title: "Ihr Passwort läuft in {days} Tagen ab", Body: "Ändern Sie es jetzt, solange Sie angemeldet sind.",
		Subject: "Ihr Passwort läuft in {days} Tagen ab",
		Text:    "Das Passwort Ihres Kontos bei {org} läuft am {date} ab. Ändern Sie es vorher, solange Sie angemeldet sind.\n\nIhr Konto: {link}\n",
	},
	kindExpiring + "/one": {
		Title: "Ihr Passwort läuft innerhalb eines Tages ab", Body: "Ändern Sie es jetzt, solange Sie angemeldet sind.",
		Subject: "Ihr Passwort läuft innerhalb eines Tages ab",
		Text:    "Das Passwort Ihres Kontos bei {org} läuft am {date} ab. Ändern Sie es jetzt, solange Sie angemeldet sind.\n\nIhr Konto: {link}\n",
	},
	kindTest: {
		Title: "Mitteilungen kommen hier an", Body: "So sieht eine Mitteilung von Latchkey aus.",
		Subject: "Mitteilungen kommen an",
		Text:    "So sieht eine Mitteilung von Latchkey aus.\n\n{link}\n",
	},
}
