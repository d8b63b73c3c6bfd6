package shorten

import "testing"

func TestText(t *testing.T) {
	for _, tt := range []struct {
		text string
		most int
		want string
	}{
		{"", 3, ""},
		{"abc", 3, "abc"},
		{"abcd", 3, "abc…"},
		{"aüb", 2, "a…"},
		{"a\x80b", 2, "a…"},
		{"\x80\x80", 2, "\x80\x80"},
		{"\x80\x80\x80", 2, "…"},
	} {
		if got := Text(tt.text, tt.most); got != tt.want {
			t.Errorf("%q to %d bytes: %q, want %q", tt.text, tt.most, got, tt.want)
		}
	}
}
