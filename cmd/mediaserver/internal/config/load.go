package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"strings"
)

// DefaultFile is read when no file is named and it exists.
const DefaultFile = "./mediaserver.yaml"

// Source says where a configuration comes from.
type Source struct {
	File string   // "" is DefaultFile if it exists, else no file
	None bool     // no file, not even DefaultFile
	Env  []string // NAME=value, as os.Environ gives them
}

// Load reads, overrides and checks a configuration. The error is Problems with
// everything that is wrong.
func Load(src Source) (*Config, error) {
	path := src.File
	if src.None {
		return load(nil, "", src.Env)
	}
	if path == "" {
		if _, err := os.Stat(DefaultFile); errors.Is(err, fs.ErrNotExist) {
			return load(nil, "", src.Env)
		}
		path = DefaultFile
	}
	data, err := read(path)
	if err != nil {
		return nil, Problems{{Place: Place{File: path}, Message: reason(err)}}
	}
	return load(data, path, src.Env)
}

// read gives what a file begins with: one byte more than a configuration may
// have, however long the file is.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	return io.ReadAll(io.LimitReader(f, maxFileBytes+1))
}

// reason is the cause of a file error without the path, which is named already.
func reason(err error) string {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err.Error()
	}
	return err.Error()
}

// load is Load on the content of a file; path "" is no file.
func load(data []byte, path string, environ []string) (*Config, error) {
	cfg := Default()
	cfg.Path = path
	root, problems := parseTree(data, Place{File: path})
	d := &decoder{problems: problems, places: map[string]Place{"": {File: path}}}
	d.section(root, reflect.ValueOf(cfg).Elem(), "")
	d.override(cfg, environ)
	cfg.Demo = path == "" && !d.given("services")
	readSecretFiles(cfg, d)
	d.refuseLater(reflect.ValueOf(*cfg), reflect.ValueOf(*Default()), "")
	d.validate(cfg)
	if len(d.problems) > 0 {
		d.problems.sort()
		return nil, d.problems.firsts()
	}
	cfg.places = d.places
	return cfg, nil
}

// Problem is a fault of a key that only shows when the configuration is put to
// use.
func (c *Config) Problem(path, format string, args ...any) Problem {
	d := decoder{places: c.places}
	if d.places == nil {
		d.places = map[string]Place{"": {File: c.Path}}
	}
	d.at(path, format, args...)
	return d.problems[0]
}

// refuseLater reports every key that is set to other than its default although
// its feature is not in this version.
func (d *decoder) refuseLater(v, def reflect.Value, path string) {
	for _, f := range fieldsOf(v.Type()) {
		p := join(path, f.name)
		fv, dv := v.FieldByIndex(f.index), def.FieldByIndex(f.index)
		switch {
		case f.later != "" && !equal(fv, dv):
			d.fail(d.place(p), p, "not in this version (%s); remove it or set it to its default, %s", f.later, flow(dv))
		case f.later != "":
		case isSection(fv.Type()):
			d.refuseLater(fv, dv, p)
		case fv.Kind() == reflect.Slice && isSection(fv.Type().Elem()):
			for i := range fv.Len() {
				d.refuseLater(fv.Index(i), newElement(fv.Type().Elem()), fmt.Sprintf("%s[%d]", p, i))
			}
		}
	}
}

// equal compares two values of one type; empty lists and maps are equal.
func equal(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Slice, reflect.Map:
		if a.Len() == 0 && b.Len() == 0 {
			return true
		}
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}

// readSecretFiles fills the secrets that are kept in files of their own.
func readSecretFiles(cfg *Config, d *decoder) {
	for i := range cfg.SIP.Trunks {
		t := &cfg.SIP.Trunks[i]
		d.secretFile(&t.Password, "password", t.PasswordFile, fmt.Sprintf("sip.trunks[%d]", i))
	}
	for i := range cfg.SIP.Phones {
		p := &cfg.SIP.Phones[i]
		d.secretFile(&p.Password, "password", p.PasswordFile, fmt.Sprintf("sip.phones[%d]", i))
	}
	for i := range cfg.HTTP.Users {
		u := &cfg.HTTP.Users[i]
		d.secretFile(&u.Password, "password", u.PasswordFile, fmt.Sprintf("http.users[%d]", i))
		d.secretFile(&u.APIKey, "api_key", u.APIKeyFile, fmt.Sprintf("http.users[%d]", i))
	}
	for i := range cfg.TTS.Engines {
		e := &cfg.TTS.Engines[i]
		e.Secret = e.Key
		d.secretFile(&e.Secret, "key", e.KeyFile, fmt.Sprintf("tts.engines[%d]", i))
	}
}

// secretFile reads a secret, the first line of a file. key is the key that
// holds it otherwise.
func (d *decoder) secretFile(secret *Secret, key, file, path string) {
	if file == "" {
		return
	}
	p := join(path, key+"_file")
	if *secret != "" {
		d.fail(d.place(p), p, "%s is given too; only one of the two may be", key)
		return
	}
	data, err := read(file)
	line, _, _ := strings.Cut(string(data), "\n")
	line = strings.TrimSuffix(line, "\r")
	switch {
	case err != nil:
		d.fail(d.place(p), p, "cannot read %s: %s", file, reason(err))
	case line == "":
		d.fail(d.place(p), p, "the first line of %s is empty", file)
	default:
		*secret = Secret(line)
	}
}
