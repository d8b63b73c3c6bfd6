package config

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is the longest name of a service, in bytes.
const maxName = 64

// validateService checks one service beyond its single values.
func (d *decoder) validateService(s *Service, path string) {
	if s.Name != "" && (len(s.Name) > maxName || strings.ContainsFunc(s.Name, notInName)) {
		d.at(join(path, "name"), "%q must be 1 to %d letters, digits, spaces or any of . _ -", s.Name, maxName)
	}
	if s.Direction == "" && !d.given(join(path, "direction")) {
		d.at(join(path, "direction"), "is missing; it is inbound or outbound")
	}
	if s.Direction == "inbound" && len(s.Match) == 0 {
		d.at(join(path, "match"), "is missing; name the users or SIP addresses that the service answers")
	}
	for i, m := range s.Match {
		if m == "" || strings.ContainsFunc(m, unicode.IsSpace) {
			d.at(fmt.Sprintf("%s.match[%d]", path, i), "%q is not a user, a SIP address or a pattern of one", m)
		}
	}
	if s.FirstPage.URL == "" && !d.given(join(path, "first_page.url")) {
		d.at(join(path, "first_page"), "is missing")
	}
	d.validatePage(s.FirstPage, join(path, "first_page"))
	d.validatePage(s.FinalPage, join(path, "final_page"))
	d.validatePage(s.ErrorPage, join(path, "error_page"))
	for i, h := range s.PageHosts {
		if h == "" || strings.ContainsAny(h, "/ \t\r\n") {
			d.at(fmt.Sprintf("%s.page_hosts[%d]", path, i), "%q is not a host or a pattern such as *.example.com", h)
		}
	}
	d.validateMessages(s.DefaultMessages.DigitTimeout, join(path, "default_messages.digit_timeout"))
	d.validateMessages(s.DefaultMessages.InvalidDigit, join(path, "default_messages.invalid_digit"))
	d.validateRinging(s.RingingTone, join(path, "ringing_tone"))
}

// Limits of default messages.
const (
	maxMessages = 20
	maxMessage  = 5000 // characters, as those of text_to_say
)

// validateMessages checks sentences that are to be spoken.
func (d *decoder) validateMessages(messages []string, path string) {
	if len(messages) > maxMessages {
		d.at(path, "has %d texts; at most %d", len(messages), maxMessages)
	}
	for i, m := range messages {
		if n := utf8.RuneCountInString(m); n == 0 || n > maxMessage {
			d.at(fmt.Sprintf("%s[%d]", path, i), "has %d characters, not 1 to %d", n, maxMessage)
		}
	}
}

// notInName says whether a rune may not stand in a service's name, which is
// part of the user names of web services.
func notInName(r rune) bool {
	return r != '.' && r != '_' && r != '-' && r != ' ' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
}
