// Package config reads the configuration of the server: a YAML file and
// overriding environment variables, checked as a whole.
//
// # Vocabulary
//
// A key is named by its path (rtp.jitter.min_ms, services[0].name). A problem
// is one fault with its place: file, line and column, or the name of the
// environment variable. Load reports all problems at once, in the order of the
// file. A key of a feature that this version does not have is read and
// documented, but refused when it is set to anything but its default.
//
// # How a key is declared
//
// The structs of this package are the schema. A field is a key by its yaml
// tag; further tags say what is allowed:
//
//	range:"1..600"       a whole number between the two, inclusive
//	enum:"a|b"           one of these texts
//	later_values:"b"     … of which these come later
//	later:"speech"       only the default is accepted in this version; the text names the feature
//	secret:"true"        the value is never shown
//
// docs/configuration.md lists every key; a test holds the two together.
//
// The package has no state. A Config may be read by several goroutines once it
// has been loaded.
package config
