package speech

import (
	"slices"
	"testing"
)

var engines = []Engine{
	{"flite", []Voice{
		{"slt", "English", "US", "Female", "Ann"}, {"rms", "English", "US", "Male", "Tom"}, {"awb", "English", "UK", "Male", "Alan"},
	}},
	{"cloud", []Voice{{"nova", "", "", "Female", ""}, {"onyx", "", "", "Male", "Big Joe"}}},
	{"espeak-ng", []Voice{{"en-gb", "English", "UK", "Male", ""}, {"en-gb+f2", "English", "UK", "Female", ""}, {"fr+f2", "French", "France", "Female", ""}}},
	{"plain", nil},
}

func names(found []Match) (list []string) {
	for _, m := range found {
		list = append(list, engines[m.Engine].Name+"/"+m.Voice.ID)
	}
	return list
}

func TestFind(t *testing.T) {
	for selector, want := range map[string][]string{
		"":                            {"flite/slt", "cloud/nova", "espeak-ng/en-gb", "plain/"},
		"English US Female Ann":       {"flite/slt"},
		"english us FEMALE ann":       {"flite/slt"},
		"English US Female":           {"flite/slt", "cloud/nova", "plain/"},
		"English Female":              {"flite/slt", "cloud/nova", "espeak-ng/en-gb+f2", "plain/"},
		"English UK Female":           {"cloud/nova", "espeak-ng/en-gb+f2", "plain/"},
		"English GB Male":             {"flite/awb", "cloud/onyx", "espeak-ng/en-gb", "plain/"},
		"English US Female flite Ann": {"flite/slt"},
		"French Female":               {"cloud/nova", "espeak-ng/fr+f2", "plain/"},
		"French Female espeak-ng":     {"espeak-ng/fr+f2"},
		"German Male Big Joe":         {"cloud/onyx"},
		"cloud":                       {"cloud/nova", "cloud/onyx"},
		"plain":                       {"plain/"},
		"nova":                        {"cloud/nova"},
		"flite/awb":                   {"flite/awb"},
		"Alan":                        {"flite/awb"},
		"English US Female Sue":       nil,
		"Klingon Male":                nil,
		"English English":             nil,
		"Female Female":               nil,
		"French Ann":                  nil,
		"Big":                         nil,
		"nosuch/awb":                  nil,
	} {
		if got := names(Find(engines, selector)); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", selector, got, want)
		}
	}
}

// TestAddressMayHaveBlanks: the names of macOS' voices do.
func TestAddressMayHaveBlanks(t *testing.T) {
	list := []Engine{{"mac say", []Voice{{ID: "Bad News"}, {ID: "Good News"}}}}
	for _, selector := range []string{"mac say/Good News", "Mac  Say/good news"} {
		if found := Find(list, selector); len(found) != 1 || found[0].Voice.ID != "Good News" {
			t.Errorf("%q: got %+v", selector, found)
		}
	}
}

func TestStandIn(t *testing.T) {
	for name, tt := range map[string]struct {
		voice Voice
		want  []string
	}{
		"language, then gender, then country": {engines[0].Voices[0], []string{"flite/slt", "cloud/nova", "espeak-ng/en-gb+f2", "plain/"}},
		"the country counts":                  {engines[0].Voices[2], []string{"flite/awb", "cloud/onyx", "espeak-ng/en-gb", "plain/"}},
		"never another language":              {engines[2].Voices[2], []string{"cloud/nova", "espeak-ng/fr+f2", "plain/"}},
	} {
		if got := names(Stand(engines, tt.voice)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

func TestSpeed(t *testing.T) {
	for rate, want := range map[float64]float64{0: 1, -1: 1, 0.1: 0.5, 1.25: 1.25, 9: 2} {
		if got := (Request{Rate: rate}).Speed(); got != want {
			t.Errorf("%v: %v, want %v", rate, got, want)
		}
	}
}

// FuzzFind: no selector does harm, and what is found fits again by its address.
func FuzzFind(f *testing.F) {
	f.Add("English US Female Ann")
	f.Add("/ espeak-ng")
	f.Fuzz(func(t *testing.T, selector string) {
		for _, m := range Find(engines, selector) {
			if m.Voice.ID == "" {
				continue
			}
			again := Find(engines, engines[m.Engine].Name+"/"+m.Voice.ID)
			if len(again) != 1 || again[0] != m {
				t.Errorf("%q: %+v is found as %+v", selector, m, again)
			}
		}
	})
}
