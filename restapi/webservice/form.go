package webservice

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// maxParameter bounds the parameters that have no bound of their own [bytes].
const maxParameter = 2048

// form is the parameters of a request. What is wrong with them is collected;
// fault is what is answered.
type form struct {
	values                         url.Values
	missing, twice, zero           []string
	malformedName, malformedReason string // the first
}

// readForm takes the parameters out of the query and, unless raw, the body.
func readForm(w http.ResponseWriter, r *http.Request, raw bool) (*form, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, parameterFault(codeMalformed, "Parameters malformed: the query is not form-encoded")
	}
	f := &form{values: values}
	if raw || r.Method != http.MethodPost || r.Body == nil {
		return f, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, parameterFault(codeMalformed, "Parameters malformed: more than "+strconv.Itoa(maxForm)+" bytes")
	}
	if err != nil {
		return nil, parameterFault(codeMalformed, "Parameters malformed: the body broke off")
	}
	if len(body) == 0 {
		return f, nil
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, statusFault(http.StatusUnsupportedMediaType, "the body must be application/x-www-form-urlencoded")
	}
	more, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, parameterFault(codeMalformed, "Parameters malformed: the body is not form-encoded")
	}
	for name, list := range more {
		values[name] = append(values[name], list...)
	}
	return f, nil
}

// fault is the answer to what is wrong, nil if nothing is.
func (f *form) fault() error {
	switch {
	case f.missing != nil:
		return parameterFault(codeMissing, "Mandatory parameter missing", f.missing...)
	case f.twice != nil:
		return parameterFault(codeTwice, "Parameter given twice", f.twice...)
	case f.zero != nil:
		return parameterFault(codeZero, "Zero is not allowed", f.zero...)
	case f.malformedName != "":
		return malformed(f.malformedName, f.malformedReason)
	}
	return nil
}

// bad notes a malformed parameter.
func (f *form) bad(name, why string) {
	if f.malformedName == "" {
		f.malformedName, f.malformedReason = name, why
	}
}

// has says whether a parameter is given at all, even empty.
func (f *form) has(name string) bool { return len(f.values[name]) > 0 }

// optional is the value of a parameter, "" if it is not given or wrong.
func (f *form) optional(name string, most int) string {
	list := f.values[name]
	switch {
	case len(list) == 0:
		return ""
	case len(list) > 1:
		f.twice = append(f.twice, name)
		return ""
	case len(list[0]) > most:
		f.bad(name, "is longer than "+strconv.Itoa(most)+" bytes")
		return ""
	case strings.ContainsAny(list[0], "\x00\r\n"):
		f.bad(name, "holds a control character")
		return ""
	}
	return list[0]
}

// required is the value of a mandatory parameter; an empty one is missing.
func (f *form) required(name string, most int) string {
	v := f.optional(name, most)
	if list := f.values[name]; len(list) == 0 || len(list) == 1 && list[0] == "" {
		f.missing = append(f.missing, name)
	}
	return v
}

// boolean is true or false; nil if the parameter is not given or wrong.
func (f *form) boolean(name string) *bool {
	switch v := f.optional(name, maxParameter); v {
	case "true":
		return new(true)
	case "false":
		return new(false)
	default:
		if len(f.values[name]) == 1 {
			f.bad(name, "is neither true nor false")
		}
		return nil
	}
}

// number is a mandatory whole number of 1 to most.
func (f *form) number(name string, most int) int {
	v := f.required(name, maxParameter)
	if v == "" {
		return 0
	}
	return f.parse(name, v, most)
}

// parse reads a whole number of 1 to most.
func (f *form) parse(name, v string, most int) int {
	n, err := strconv.Atoi(v)
	switch {
	case err != nil || strings.Trim(v, "0123456789") != "":
		f.bad(name, "is not a whole number")
		return 0
	case n == 0:
		f.zero = append(f.zero, name)
		return 0
	case n > most:
		f.bad(name, "is more than "+strconv.Itoa(most))
		return 0
	}
	return n
}

// maxIDs is how many ids one parameter may name.
const maxIDs = 1000

// ids is a mandatory list of ids separated by slashes.
func (f *form) ids(name string) []string {
	v := f.required(name, maxIDs*maxID)
	if v == "" {
		return nil
	}
	list := strings.Split(v, "/")
	if len(list) > maxIDs {
		f.bad(name, "names more than "+strconv.Itoa(maxIDs))
		return nil
	}
	for _, id := range list {
		if id == "" || len(id) > maxID {
			f.bad(name, "is not a list of ids separated by /")
			return nil
		}
	}
	return list
}

// maxID is the longest id of ours, with something to spare [bytes].
const maxID = 128
