package push

const (
	ownEN    = "\n\nIf this was not you, call {support}.\n\nSee your account: {link}\n"
	footerEN = "\n\nOpen it here: {link}\n"
	besideEN = "If this was you, there is nothing to do: call your colleague and tell them the two digits on your screen. If not, somebody else has that proof: choose “This wasn’t me”."
	callEN   = "If this was not you, call {support}."
)

var english = map[string]words{
	kindReview: {
		Title: "A request waits for you", Body: "Open Latchkey to see who asks for what.",
		Subject: "A request waits for your decision",
		Text:    "A request waits for your decision in Latchkey." + footerEN,
	},
	kindReminder: {
		Title: "A request still waits for you", Body: "Open Latchkey to decide before its time is over.",
		Subject: "A request still waits for your decision",
		Text:    "A request still waits for your decision in Latchkey, and its time runs." + footerEN,
	},
	kindSeveral: {
		Title: "More requests came in for you", Body: "Open Latchkey to see which wait for your decision.",
		Subject: "More requests came in for you",
		Text:    "More requests came in for you. Open Latchkey to see which wait for your decision." + footerEN,
	},
	kindApproved: {
		Title: "Your request was approved", Body: "Open it to go on.",
		Subject: "Your request was approved",
		Text:    "Your request was approved. Open it to go on." + footerEN,
	},
	kindApproved + "/unlock": {
		Title: "Your unlock was approved", Body: "Your account is being unlocked.",
		Subject: "Your unlock was approved",
		Text:    "Your request was approved, and your account is being unlocked." + footerEN,
	},
	kindApproved + "/reset": {
		Title: "Your request was approved", Body: "Open it to set your new password.",
		Subject: "Your request was approved",
		Text:    "Your request was approved. Open it to set your new password." + footerEN,
	},
	kindDenied: {
		Title: "Your request was denied", Body: "Open it to see why, and what you can do.",
		Subject: "Your request was denied",
		Text:    "Your request was denied. Open it to see why, and what you can do." + footerEN,
	},
	kindDenied + "/reported": {
		Title: "Your request was stopped", Body: "It was reported as not right. Call {support}.",
		Subject: "Your request was stopped",
		Text:    "Your request was reported as not right, and can't go on. Call {support}." + footerEN,
	},
	kindDenied + "/numbers": {
		Title: "Your request was stopped", Body: "A wrong number was typed three times. Open it to ask again.",
		Subject: "Your request was stopped",
		Text:    "Your request was stopped, because a wrong number was typed three times. Open it to ask again." + footerEN,
	},
	kindLapsed: {
		Title: "Nobody answered in time", Body: "Your request is over. Open it to ask again.",
		Subject: "Nobody answered your request in time",
		Text:    "Nobody answered your request in time. Open it to ask again, or call {support}." + footerEN,
	},
	kindFailed: {
		Title: "Your account was not unlocked", Body: "Open your request to see why.",
		Subject: "Your account was not unlocked",
		Text:    "Your request was approved, but your account was not unlocked. Open it to see why, or call {support}." + footerEN,
	},
	kindUnknown: {
		Title: "We don't know yet whether it worked", Body: "The directory did not answer. We look again and tell you.",
		Subject: "We don't know yet whether it worked",
		Text:    "The directory did not answer while your request was carried out. We look again and tell you." + footerEN,
	},
	kindSettled: {
		Title: "Now we know how it ended", Body: "Open your request to see the result.",
		Subject: "Now we know how your request ended",
		Text:    "The directory has answered. Open your request to see the result." + footerEN,
	},
	kindChanged: {
		Title: "Your account was changed", Body: callEN,
		Subject: "Your account was changed",
		Text:    "Your account at {org} was changed with Latchkey." + ownEN,
	},
	kindChanged + "/unlock": {
		Title: "Your account was unlocked", Body: callEN,
		Subject: "Your account was unlocked",
		Text:    "Your account at {org} was unlocked with Latchkey." + ownEN,
	},
	kindChanged + "/reset": {
		Title: "A new password was set", Body: callEN,
		Subject: "A new password was set",
		Text:    "A new password was set for your account at {org}." + ownEN,
	},
	kindChanged + "/change": {
		Title: "Your password was changed", Body: callEN,
		Subject: "Your password was changed",
		Text:    "The password of your account at {org} was changed." + ownEN,
	},
	kindChanged + "/one-time": {
		Title: "A one-time password was made", Body: callEN,
		Subject: "A one-time password was made",
		Text:    "A one-time password was made for your account at {org}." + ownEN,
	},
	kindRelocked: {
		Title: "Your account is locked again", Body: "A device may still send an old password. Open Latchkey to see more.",
		Subject: "Your account is locked again",
		Text: "Your account at {org} was locked again soon after it was unlocked. A device or program may still send an old password.\n\n" +
			"If you tried no password, call {support}.\n\nSee what happened: {link}\n",
	},
	kindFrozen: {
		Title: "Latchkey is closed for your account", Body: "Somebody reported a request for it. Call {support}.",
		Subject: "Latchkey is closed for your account",
		Text: "A request for your account at {org} was reported as not right. Until this is clear Latchkey does nothing for your account.\n\n" +
			"Call {support}.\n\nSee your account: {link}\n",
	},
	kindReplaced: {
		Title: "Somebody who reports to you has a new passkey", Body: "The mail says who. Ask them whether it was them.",
		Subject: "A new passkey for {who}",
		Text: "{who} reports to you, and made a new passkey in Latchkey at {org} without the old one, as after a lost phone. Whoever holds it can set a new password for the account.\n\n" +
			"Ask them, in person or on the phone, whether it was them. If not, call {support}.\n\n{link}\n",
	},
	kindProofs: {
		Title: "The ways into your account were changed", Body: callEN,
		Subject: "The ways into your account were changed",
		Text:    "The ways to prove that it is you, for your account at {org}, were changed with Latchkey." + ownEN,
	},
	kindProofs + "/passkey": {
		Title: "A new passkey was made for you", Body: callEN,
		Subject: "A new passkey was made for you",
		Text:    "A new passkey was registered for your account at {org}. Whoever holds it can sign in to Latchkey as you." + ownEN,
	},
	kindProofs + "/passkey-removed": {
		Title: "A passkey of yours was removed", Body: callEN,
		Subject: "A passkey of yours was removed",
		Text:    "A passkey of your account at {org} was removed." + ownEN,
	},
	kindProofs + "/recovery-code": {
		Title: "New recovery codes were made", Body: callEN,
		Subject: "New recovery codes were made",
		Text:    "Ten new recovery codes were made for your account at {org}. Those from before work no more." + ownEN,
	},
	kindProofs + "/totp": {
		Title: "An authenticator app was set up", Body: callEN,
		Subject: "An authenticator app was set up",
		Text:    "An authenticator app was set up for your account at {org}." + ownEN,
	},
	kindProofs + "/pin": {
		Title: "A PIN was set", Body: callEN,
		Subject: "A PIN was set",
		Text:    "A PIN was set for your account at {org}." + ownEN,
	},
	kindProofs + "/questions": {
		Title: "Security questions were answered", Body: callEN,
		Subject: "Security questions were answered",
		Text:    "Security questions were answered for your account at {org}. The answers from before work no more." + ownEN,
	},
	kindProofs + "/mail-code": {
		Title: "A mail address for codes was set", Body: callEN,
		Subject: "A mail address for codes was set",
		Text:    "From now on codes for your account at {org} go to another mail address." + ownEN,
	},
	kindProofs + "/sms-code": {
		Title: "A phone number for codes was set", Body: callEN,
		Subject: "A phone number for codes was set",
		Text:    "From now on codes for your account at {org} go to another phone number." + ownEN,
	},
	kindProofs + "/removed": {
		Title: "A way to prove that it is you was removed", Body: callEN,
		Subject: "A way to prove that it is you was removed",
		Text:    "A way to prove that it is you, for your account at {org}, was removed." + ownEN,
	},
	kindProofs + "/recovered": {
		Title: "Somebody signed in without a passkey", Body: callEN,
		Subject: "Somebody signed in without a passkey",
		Text:    "Somebody signed in to Latchkey for your account at {org} without a passkey." + ownEN,
	},
	kindProofs + "/code-used": {
		Title: "A recovery code of yours was used", Body: callEN,
		Subject: "A recovery code of yours was used",
		Text:    "A recovery code of yours was used for a request for your account at {org}. It works no more." + ownEN,
	},
	kindLift: {
		Title: "Somebody asks to be let in again", Body: "Open Latchkey to see who.",
		Subject: "Somebody asks to be let in again",
		Text:    "An account at {org} is frozen in Latchkey, and its owner proved with a passkey that it is them. You may let them in again, once you have spoken with them.\n\n{link}\n",
	},
	kindLift + "/recovery": {
		Title: "Somebody asks to be let in again", Body: "Open Latchkey to see who.",
		Subject: "Somebody asks to be let in again",
		Text:    "An account at {org} is frozen in Latchkey, and somebody proved without a passkey that they are its owner. Open Latchkey to see what with. You may let them in again, once you have spoken with them.\n\n{link}\n",
	},
	kindProved + "/recovery": {
		Title: "Somebody said “It is me again”", Body: callEN,
		Subject: "Somebody said “It is me again”",
		Text: "Your account is stopped in Latchkey at {org}. Somebody without a passkey has now confirmed that it is you, with a code or another proof of yours, and asks to be let in again. It stays stopped until somebody who may has looked at it.\n\n" +
			"If this was you, call and say what happened." + ownEN,
	},
	kindProved: {
		Title: "Somebody said “It is me again”", Body: callEN,
		Subject: "Somebody said “It is me again”",
		Text: "Your account is stopped in Latchkey at {org}. Somebody has now confirmed with a passkey of yours that it is you, and asks to be let in again. It stays stopped until somebody who may has looked at it.\n\n" +
			"If this was you, call and say what happened." + ownEN,
	},
	kindThawed: {
		Title: "Your account is let in again", Body: callEN,
		Subject: "Your account is let in again",
		Text:    "Somebody who may has lifted the stop on your account at {org}. Latchkey works for it as before." + ownEN,
	},
	kindVouch: {
		Title: "Somebody asks to be let into your account", Body: callEN,
		Subject: "Somebody asks to be let into your account",
		Text: "Somebody who has no passkey and no code gave your name in Latchkey at {org}, and asked a colleague of yours to vouch that it is you.\n\n" +
			"If this was you, there is nothing to do: call your colleague and tell them the two digits on your screen." + ownEN,
	},
	kindVouch + "/proof": {
		Title: "Somebody asks to be let into your account", Body: callEN,
		Subject: "Somebody asks to be let into your account",
		Text: "Somebody without a passkey gave your name in Latchkey at {org}, and with it a PIN, a code or another proof of yours, and asked a colleague of yours to vouch that it is you.\n\n" +
			besideEN + ownEN,
	},
	kindVouch + "/recovery-code": {
		Title: "Somebody asks to be let into your account", Body: callEN,
		Subject: "Somebody asks to be let into your account",
		Text: "Somebody without a passkey gave your name in Latchkey at {org}, and with it a recovery code of yours, and asked a colleague of yours to vouch that it is you.\n\n" +
			besideEN + ownEN,
	},
	kindFrozen + "/own": {
		Title: "Your account is stopped here", Body: "Somebody said “this wasn’t me”. Call {support}.",
		Subject: "Your account is stopped in Latchkey",
		Text: "“This wasn’t me” was chosen for your account at {org}. Latchkey does nothing for it now, and you are signed out there on every device.\n\n" +
			"Call {support}: they look into it with you, and switch it on again. If it was not you who chose that, tell them so.\n\nSee your account: {link}\n",
	},
	kindAlert: {
		Title: "An account was frozen", Body: "Look into it.",
		Subject: "Latchkey: an account was frozen",
		Text: "{name} ({account}) was frozen in Latchkey at {org}: {way}.\n\n" +
			"Its sessions there are ended and its open requests are cancelled. Latchkey itself changed nothing in the directory: a password that somebody set before still works.\n\n" +
			"Call the person, look at what happened (latchkey audit export), and lift it when it is clear: latchkey unfreeze {account}\n\n{link}\n",
	},
	kindThaw: {
		Title: "A frozen account asks to be let in", Body: "Look into it.",
		Subject: "Latchkey: a frozen account asks to be let in",
		Text: "{name} ({account}) is frozen in Latchkey at {org}, and proved with a passkey: it is me again.\n\n" +
			"That alone does not lift it. Somebody else may hold a passkey of theirs: look whether one was added before the freeze (latchkey audit export), and call them. " +
			"Once it is clear: latchkey unfreeze {account}\n\n{link}\n",
	},
	kindThaw + "/recovery": {
		Title: "A frozen account asks to be let in", Body: "Look into it.",
		Subject: "Latchkey: a frozen account asks to be let in",
		Text: "{name} ({account}) is frozen in Latchkey at {org}, and somebody proved without a passkey: it is me again.\n\n" +
			"That alone does not lift it. latchkey freezes says what they proved it with; somebody else may have got hold of that, or set it up shortly before (latchkey audit export), so call them on a number that you know. " +
			"Once it is clear: latchkey unfreeze {account}\n\n{link}\n",
	},
	kindBrake: {
		Title: "Many tries to come in without a passkey", Body: "Look into it.",
		Subject: "Latchkey: many tries to come in without a passkey",
		Text: "Somebody tries codes or answers for one account after the other in Latchkey at {org}. For a while nobody comes in there by anything that could be guessed. Passkeys and recovery codes work as ever, and no account was locked.\n\n" +
			"See where it comes from (latchkey audit export: session.recover-refused), and close that network at the proxy.\n\n{link}\n",
	},
	kindWords: {
		Title: "Colleagues were asked too often to vouch", Body: "Look into it.",
		Subject: "Latchkey: colleagues were asked too often to vouch",
		Text: "In Latchkey at {org} colleagues are asked so often to vouch for somebody that for a while some requests reach nobody: who was asked too often is left in peace. Passkeys and every other way in work as ever, and no account was locked.\n\n" +
			"Phones may have failed, or somebody tries names. See where it comes from (latchkey audit export: session.recover-refused, and request.submitted by anonymous). If it is one network that means harm, close it at the proxy.\n\n{link}\n",
	},
	kindCodes: {
		Title: "A country's codes by SMS are used up", Body: "Look into it.",
		Subject: "Latchkey: a country's codes by SMS are used up",
		Text: "So many codes by SMS were asked for in Latchkey at {org} that those of one country are used up: either those for people who are not signed in, or those for people who are. For a while no more of them go there. Passkeys and recovery codes work as ever, and so do codes by mail.\n\n" +
			"Which country and which of the two it is, the log says (latchkey audit export: proof.codes-used-up), and under proof.code-sent where they were asked from. If it is somebody who means harm, close that network at the proxy; if there are just many of you, raise proofs.sms_code.hourly.\n\n{link}\n",
	},
	kindExpiring: {
		Title: "Your password expires in {days} days", Body: "Change it now, while you are signed in.",
		Subject: "Your password expires in {days} days",
		Text:    "The password of your account at {org} expires on {date}. Change it before then, while you are signed in.\n\nSee your account: {link}\n",
	},
	kindExpiring + "/one": {
		Title: "Your password expires within a day", Body: "Change it now, while you are signed in.",
		Subject: "Your password expires within a day",
		Text:    "The password of your account at {org} expires on {date}. Change it now, while you are signed in.\n\nSee your account: {link}\n",
	},
	kindTest: {
		Title: "Notifications work here", Body: "This is what a message from Latchkey looks like.",
		Subject: "Messages work",
		Text:    "This is what a message from Latchkey looks like.\n\n{link}\n",
	},
}
