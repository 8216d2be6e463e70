package main

import "testing"

func TestPublished(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://git.example.com/org/configs.git":             "https://git.example.com/org/configs.git",
		"https://user:pass@git.example.com:8443/org/configs":  "https://git.example.com:8443/org/configs",
		"https://user@corp.example:pass@git.example.com/x":    "https://git.example.com/x",
		"https://git.example.com/org/configs?token=secret#no": "https://git.example.com/org/configs",
		"http://token@git.example.com/x":                      "http://git.example.com/x",
		"ssh://git@git.example.com/x":                         "ssh://git.example.com/x",
		"git://git.example.com/x":                             "git://git.example.com/x",
		"git@git.example.com:org/configs.git":                 "git@git.example.com:org/configs.git",
		"git.example.com:/srv/configs":                        "git.example.com:/srv/configs",

		"https://user:pa%ss@git.example.com/x":  "",
		"https://user:pa#ss@git.example.com/x":  "",
		"https://user:pa/ss@git.example.com/x":  "",
		"https://user:12#ss@git.example.com/x":  "",
		"https://user:12/ss@git.example.com/x":  "",
		"https://user:12?ss@git.example.com/x":  "",
		"https://user:pa ss@git.example.com/x":  "",
		"https:user:pass@git.example.com/x":     "",
		"https:/user:pass@git.example.com/x":    "",
		"user:pass@git.example.com:org/configs": "",
		"foo::https://user:pass@example.com/x":  "",
		"foo::https://example.com/x":            "",
		"ext::sh -c 'cat secret'":               "",
		"persistent-https://u:p@example.com/x":  "",
		"persistent-https://example.com/secret": "",
		"file:///home/alice/configs":            "",
		"/home/alice/configs":                   "",
		"../configs":                            "",
		`C:\Users\alice\configs`:                "",
		"C:/Users/alice/configs":                "",
		"":                                      "",
	} {
		if got := published(address); got != want {
			t.Errorf("published(%q) = %q, want %q", address, got, want)
		}
	}
}
