package server

import "strings"

// maxAgent bounds how much of a User-Agent is looked at.
const maxAgent = 512

// mark is a word that a browser or a system carries in its User-Agent.
type mark struct{ token, word string }

// The order matters: most browsers name those that they descend from too.
var (
	browsers = []mark{
		{"EdgiOS/", "Edge"}, {"EdgA/", "Edge"}, {"Edg/", "Edge"},
		{"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"},
		{"FxiOS/", "Firefox"}, {"Firefox/", "Firefox"},
		{"CriOS/", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"},
	}
	systems = []mark{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"CrOS", "ChromeOS"},
		{"Windows", "Windows"}, {"Macintosh", "Mac"}, {"Linux", "Linux"},
	}
)

// deviceWords turns a User-Agent into a few words for the person: "Chrome on
// Android". Only words of this file come out, so that whatever the header
// holds, nothing of it is stored or shown.
func deviceWords(agent string) string {
	agent = agent[:min(len(agent), maxAgent)]
	browser, system := find(browsers, agent), find(systems, agent)
	switch {
	case browser == "" && system == "":
		return "Unknown browser"
	case browser == "":
		return "Browser on " + system
	case system == "":
		return browser
	}
	return browser + " on " + system
}

func find(marks []mark, agent string) string {
	for _, m := range marks {
		if strings.Contains(agent, m.token) {
			return m.word
		}
	}
	return ""
}
